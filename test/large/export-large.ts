/** A process of its own, whose peak of memory is that of an export: ARCHIVE FORMAT FOLDER f32|f16. */
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { openEngine } from "../../src/engine/open.js";
import { exportModel } from "../../src/export/export.js";
import type { ExportFormatName } from "../../src/settings/choices.js";

export interface ExportedLarge {
  readonly peakBytes: number;
  readonly ms: number;
  readonly largestDifference: number;
  /** Of the folder's files, by name. */
  readonly sizes: Readonly<Record<string, number>>;
}

/** Small, so that what is computed takes little beside the weights. */
const size = 64;

const [source, to, out, type] = process.argv.slice(2) as [string, ExportFormatName, string, string];
const begun = performance.now();
const options = { source, to, out, size, f16: type === "f16" };
const { largestDifference } = await exportModel(options, openEngine("cpu"));
const sizes: Record<string, number> = {};
for (const entry of await readdir(out, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name);
  if (entry.isFile()) sizes[relative(out, path)] = (await stat(path)).size;
}
const report: ExportedLarge = {
  peakBytes: 1024 * process.resourceUsage().maxRSS,
  ms: Math.round(performance.now() - begun),
  largestDifference,
  sizes,
};
console.log(JSON.stringify(report));
