/** `savedmodel`: TensorFlow's own form, for TensorFlow Serving, `tf.saved_model.load` and Keras. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeSavedModel } from "../../graph/saved-model.js";
import type { ExportModel } from "../export-model.js";
import type { ExportFormat } from "../format.js";
import { openSavedModel } from "./open-savedmodel.js";
import { servingGraph } from "./serving-graph.js";
import { writeVariables } from "./variable-files.js";

export const savedModelFormat: ExportFormat = {
  summary: "TensorFlow's SavedModel, for TensorFlow Serving, tf.saved_model.load and Keras",
  write: async (model, folder, { f16, engine }) => {
    const stored = f16 ? "float16" : "float32";
    await writeVariables(model, folder, stored, engine);
    await writeFile(join(folder, graphFile), encodeSavedModel(servingGraph(model, stored)));
  },
  open: openSavedModel,
};
