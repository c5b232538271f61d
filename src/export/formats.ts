/** The registry of export formats: a row each. */
import type { ExportFormatName } from "../settings/choices.js";
import type { ExportFormat } from "./format.js";

const formats: Readonly<Record<ExportFormatName, () => Promise<ExportFormat>>> = {
  npz: async () => (await import("./npz/npz-format.js")).npzFormat,
  page: async () => (await import("./page/page-format.js")).pageFormat,
};

/** A format by its name. */
export function exportFormat(name: ExportFormatName): Promise<ExportFormat> {
  return formats[name]();
}
