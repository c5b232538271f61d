/** Exports for ONNX Runtime and whatever else reads ONNX. */
import type { ExportFormat } from "../format.js";
import { openExportedOnnx } from "./open-onnx.js";
import { writeOnnx } from "./write-onnx.js";

export const onnxFormat: ExportFormat = {
  write: writeOnnx,
  open: openExportedOnnx,
};
