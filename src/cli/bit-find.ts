/** `bit-find`: images of a folder that are like others, or are in the wrong class. */
import { counted } from "../counted.js";
import { csvLine } from "../data/csv-line.js";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { type OwnKind, requireReplaceable } from "../disk/replaceable.js";
import { percentText } from "../evaluators/evaluator.js";
import { probabilityCell } from "../record/predictions-table.js";
import { type FindReport, type FoundImage, findImages } from "../run/find-images.js";
import type { Call } from "./command.js";
import { FetchProgress } from "./fetch-progress.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { oneModel } from "./one-model.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";
import { visibleLine } from "./visible.js";

const tableKind: OwnKind = {
  name: "table of bit-find",
  matches: (start) => /^\W*(image\W+rank|path\W+class\W+likely)\b/.test(start),
};

/** Runs the command. */
export async function run({ settings, positional: inputs }: Call<"find">): Promise<number> {
  const { run: folder, weights, json, csv, ...others } = settings;
  const expected = "one run's folder, one .npz or safetensors, or one published model";
  const source = await oneModel(
    "bit-find",
    [folder, weights],
    "whose features to compare",
    expected,
  );
  if (csv !== undefined) await requireReplaceable(csv, tableKind, "--csv");
  const engine = openEngine(settings.device);
  const progress = new ImageProgress("making features");
  const fetches = new FetchProgress();
  const ended = await interruptible(
    async (signal) => {
      const { line, fetching } = fetches;
      const told = { line, fetching, signal, progress: progress.update };
      try {
        const report = await findImages({ ...others, inputs, source }, engine, told);
        if (csv !== undefined)
          await writeFileAtomically(csv, (append) => append(Buffer.from(tableOf(report))));
        return report;
      } finally {
        fetches.close();
        progress.close();
      }
    },
    () => (csv === undefined ? "Stopped." : `Stopped; nothing was written to ${csv}.`),
  );
  if (ended.stopped) return ended.exit;
  const { value: report } = ended;
  for (const note of report.notes) output.note(`note: ${note}`);
  for (const { source: path, reason } of report.skipped)
    output.note(`skipped ${visibleLine(path)}: ${visibleLine(reason)}`);
  output.result(json ? JSON.stringify(record(report)) : readable(report).join("\n"));
  return 0;
}

function record({ lookAlikes, suspects, suspectsInAll, ...about }: FindReport) {
  if (suspects === undefined) return { ...about, found: lookAlikes };
  return { ...about, suspects, suspects_in_all: suspectsInAll };
}

function readable({ lookAlikes, suspects, suspectsInAll, images, folder }: FindReport): string[] {
  const named = ({ path, class: of }: FoundImage) =>
    `${visibleLine(path)}${of === undefined ? "" : ` (${visibleLine(of)})`}`;
  if (suspects === undefined)
    return lookAlikes.flatMap(({ image, found }) => [
      visibleLine(image),
      ...(found.length === 0 ? [`  nothing else is in ${visibleLine(folder)}`] : []),
      ...found.map((one) => `  ${one.similarity.toFixed(4).padStart(7)}  ${named(one)}`),
    ]);
  if (suspects.length === 0)
    return [`none of ${counted(images, "image")} is in another class than its neighbours`];
  const shown = suspects.length < suspectsInAll ? `, the first ${suspects.length}` : "";
  return [
    `${suspectsInAll} of ${images} images are in another class than their neighbours${shown}:`,
    ...suspects.flatMap(({ path, class: own, likely, shares, nearest }) => [
      visibleLine(path),
      `  ${visibleLine(own)} ${percentText(shares.class)}, ${visibleLine(likely)} ` +
        `${percentText(shares.likely)} of the votes; like ${named(nearest)}, ` +
        nearest.similarity.toFixed(4),
    ]),
  ];
}

function tableOf({ lookAlikes, suspects }: FindReport): string {
  if (suspects === undefined)
    return [
      csvLine(["image", "rank", "path", "class", "similarity"]),
      ...lookAlikes.flatMap(({ image, found }) =>
        found.map(({ path, class: of = "", similarity }, i) =>
          csvLine([image, i + 1, path, of, probabilityCell(similarity)]),
        ),
      ),
    ].join("");
  return [
    csvLine(["path", "class", "likely", "share_class", "share_likely", "nearest", "similarity"]),
    ...suspects.map(({ path, class: own, likely, shares, nearest }) =>
      csvLine([
        ...[path, own, likely, probabilityCell(shares.class), probabilityCell(shares.likely)],
        ...[nearest.path, probabilityCell(nearest.similarity)],
      ]),
    ),
  ].join("");
}
