/** Exports as a program makes them. */
import { openDevice } from "../engine/open-device.js";
import {
  type ExportConsole,
  type ExportReport,
  type ExportOptions as ExportWishes,
  exportModel as exportOn,
} from "../export/export.js";
import { type VerifyReport, verifyExport as verifyOn } from "../export/verify.js";
import { commandOptions } from "./checks.js";

export type { ExportWishes };

/** In which format, where to, and who is told. What is left out is as in `bit-export`. */
export interface ExportModelOptions extends Omit<ExportWishes, "source">, ExportConsole {}

// With `satisfies`, a new option cannot be forgotten here.
const ownOptions = Object.keys({ stage: 0, line: 0, fetching: 0, signal: 0 } satisfies Record<
  keyof ExportConsole,
  0
>);

/**
 * Writes a model in another tool's format, as `bit-export` does: the folder appears complete and
 * verified, or not at all. It computes on the CPU, in float32.
 * @param source a run's folder or checkpoint, an `.npz` with a head, or the name of a published model
 * @throws UserError where the source, an option or the folder is at fault
 */
export async function exportModel(
  source: string,
  options: ExportModelOptions,
): Promise<ExportReport> {
  commandOptions("export", options, { without: ["verify", "json"], others: ownOptions });
  const { stage, line, fetching, signal, ...wishes } = options;
  const engine = openDevice("cpu");
  return exportOn({ ...wishes, source }, engine, { stage, line, fetching, signal });
}

/**
 * Verifies a copy of an export: its files, and its logits of two photos.
 * @throws UserError where a file is missing or changed, or the logits are others
 */
export async function verifyExport(folder: string): Promise<VerifyReport> {
  return verifyOn(folder, openDevice("cpu"));
}
