/** `bit-bench --devices N`: the same batch on one device, and shared by more and more. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { BenchReport } from "../bench/measure.js";
import { deviceCounts } from "../engine/device-counts.js";
import { packageRoot } from "../package-root.js";
import { indivisible } from "../run/options.js";
import { isSplit } from "../step/memory.js";
import { inColumns } from "./columns.js";
import type { Call } from "./command.js";
import { output } from "./output.js";

export type BenchSettings = Call<"bench">["settings"];

/**
 * Measures one task on 1, 2, 4 ... and `most` devices, each in a process of its own, and prints how it scales.
 * @returns the exit code: that of the first measurement that failed, which has said why
 * @throws UserError where there are not as many devices, or they cannot share the batch
 */
export async function measureScaling(settings: BenchSettings, most: number): Promise<number> {
  const { batch, json } = settings;
  const counts = deviceCounts(settings.device, most);
  for (const { count } of counts) if (!isSplit(batch, 1, count)) throw indivisible(batch, 1, count);
  const reports: BenchReport[] = [];
  for (const { device } of counts) {
    const { code, text } = await measuredApart(settings, device);
    if (code !== 0) return code;
    reports.push(JSON.parse(text) as BenchReport);
  }
  output.result(json ? JSON.stringify(reports) : describeScaling(reports));
  return 0;
}

/**
 * Runs `bit-bench --json` for one device in a process of its own.
 * @returns its exit code, and what it printed
 */
export function measuredApart(
  { model, mode, batch, resolution, classes, steps, warmup, ...others }: BenchSettings,
  device: string,
): Promise<{ readonly code: number; readonly text: string }> {
  const { implementation, precision, remat } = others;
  const args = Object.entries({
    ...{ model, mode, batch, resolution, classes, steps, warmup, device, implementation },
    ...(precision && { precision }),
  }).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const script = join(packageRoot, "bin", "bit-bench.js");
  const child = spawn(
    process.execPath,
    [script, ...args, ...(remat ? ["--remat"] : []), "--json"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    // Ended by a signal, it has no code.
    child.on("close", (code) => resolve({ code: code ?? 1, text }));
  });
}

/** One line a count of devices. Of the same loss, since they compute the same step. */
function describeScaling(reports: readonly BenchReport[]): string {
  const [one] = reports as readonly [BenchReport, ...BenchReport[]];
  const heading = ["devices", "images/s", "step, ms", "of one's speed", "each", "first loss"];
  const rows = reports.map(({ devices, images_per_second: speed, step_ms, first_loss }) => {
    const factor = speed / one.images_per_second;
    return [
      String(devices),
      speed.toFixed(1),
      step_ms.median.toFixed(1),
      `${factor.toFixed(2)} x`,
      `${((100 * factor) / devices).toFixed(0)} %`,
      first_loss.toFixed(5),
    ];
  });
  return [
    `${one.model} ${one.mode}, ${one.precision}: ${one.batch} images of ${one.resolution} x ` +
      `${one.resolution} a step, shared by the devices`,
    ...inColumns([heading, ...rows], [0, 1, 2, 3, 4, 5]),
    `engine  ${reports.at(-1)!.engine}; ${one.cpu}, ${one.cores} cores`,
  ].join("\n");
}
