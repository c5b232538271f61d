/** `bit-export`: writes a model in another tool's format, or verifies what was written. */

import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { counted } from "../counted.js";
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import { type ExportReport, exportModel } from "../export/export.js";
import { type VerifyReport, verifyExport } from "../export/verify.js";
import { exportFormats } from "../settings/choices.js";
import type { Call } from "./command.js";
import { FetchProgress } from "./fetch-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"export">): Promise<number> {
  const { verify, json, to, ...others } = settings;
  const [source, ...rest] = positional;
  if (source === undefined || rest.length > 0)
    throw new UserError(
      "bit-export",
      source === undefined ? "nothing to export" : `${positional.length} things to export`,
      verify ? "one folder that bit-export wrote" : "one run, .npz or published model",
      `type for example: npx bit-export bit_logs/NAME --to ${exportFormats[0]}`,
    );
  // Logits are judged to 1e-4, in float32: on the CPU, wherever the model is used later.
  const engine = openEngine("cpu");
  if (verify) {
    const report = await verifyExport(source, engine);
    output.result(json ? JSON.stringify(report) : verified(report));
    return 0;
  }
  if (to === undefined)
    throw new UserError(
      "--to",
      "is not given",
      exportFormats.join(", "),
      `type for example: npx bit-export ${source} --to ${exportFormats[0]}`,
    );
  const fetches = new FetchProgress();
  const ended = await interruptible(
    async (signal) => {
      const { line, fetching } = fetches;
      try {
        return await exportModel({ ...others, source, to }, engine, { line, fetching, signal });
      } finally {
        fetches.close();
      }
    },
    () => "Stopped; nothing was left.",
  );
  if (ended.stopped) return ended.exit;
  for (const note of ended.value.notes) output.note(`note: ${note}`);
  output.result(json ? JSON.stringify(ended.value) : exported(ended.value));
  const { format, folder } = ended.value;
  if (format === "page") output.note(`Open in a browser: ${await pageIn(folder)}`);
  return 0;
}

/** The file of a page's export that people open: the others show that it is whole. */
async function pageIn(folder: string): Promise<string> {
  const file = (await readdir(folder)).find((name) => name.endsWith(".html"));
  return relative("", join(folder, file ?? ""));
}

function exported(report: ExportReport): string {
  const { folder, format, model, classes, size, sizeBytes } = report;
  return [
    `${model}, ${counted(classes, "class", "classes")}, images of ${size}x${size}, as ${format}: ${sizeText(sizeBytes)}`,
    difference(report),
    relative("", folder) || folder,
  ].join("\n");
}

function verified(report: VerifyReport): string {
  const { folder, format, model, files } = report;
  return [
    `${folder}: ${model} as ${format}, ${counted(files, "file")} whole`,
    difference(report),
  ].join("\n");
}

function difference({
  largestDifference,
  tolerance,
}: Pick<ExportReport, "largestDifference" | "tolerance">): string {
  const found = largestDifference.toExponential(1);
  return `read back, its logits of two photos differ by ${found} of their spread at most (allowed: ${tolerance})`;
}
