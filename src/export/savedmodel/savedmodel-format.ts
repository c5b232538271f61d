/** `savedmodel`: TensorFlow's own form, for TensorFlow Serving, `tf.saved_model.load` and Keras. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeSavedModel } from "../../graph/saved-model.js";
import { factsOf } from "../../record/classifier-facts.js";
import { versionedJson } from "../../record/versioned-json.js";
import type { ExportFormat } from "../format.js";
import { openSavedModel } from "./open-savedmodel.js";
import { extraFolder, factsFile, graphFile } from "./savedmodel-files.js";
import { servingGraph } from "./serving-graph.js";
import { writeVariables } from "./variable-files.js";

export const savedModelFormat: ExportFormat = {
  write: async (model, folder, { f16, engine }) => {
    const stored = f16 ? "float16" : "float32";
    await writeVariables(model, folder, stored, engine);
    await mkdir(join(folder, extraFolder));
    await writeFile(join(folder, extraFolder, factsFile), versionedJson(factsOf(model)));
    await writeFile(join(folder, graphFile), encodeSavedModel(servingGraph(model, stored)));
  },
  open: openSavedModel,
};
