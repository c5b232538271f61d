/** The registry of export formats: a row each. */
import type { ExportFormatName } from "../settings/choices.js";
import type { ExportFormat } from "./format.js";

const formats: Readonly<Record<ExportFormatName, () => Promise<ExportFormat>>> = {
  hf: async () => (await import("./hf/hf-format.js")).hfFormat,
  npz: async () => (await import("./npz/npz-format.js")).npzFormat,
  onnx: async () => (await import("./onnx/onnx-format.js")).onnxFormat,
  page: async () => (await import("./page/page-format.js")).pageFormat,
  savedmodel: async () => (await import("./savedmodel/savedmodel-format.js")).savedModelFormat,
  tfjs: async () => (await import("./tfjs/tfjs-format.js")).tfjsFormat,
  timm: async () => (await import("./timm/timm-format.js")).timmFormat,
};

/** A format by its name. */
export function exportFormat(name: ExportFormatName): Promise<ExportFormat> {
  return formats[name]();
}
