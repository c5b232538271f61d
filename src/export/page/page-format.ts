/** `page`: one HTML file that classifies photos in a browser, without a network. */
import { join } from "node:path";
import { float32ToFloat16 } from "../../archive/float16.js";
import { sizeText } from "../../disk/size-text.js";
import { UserError } from "../../errors.js";
import { packageVersion } from "../../package-root.js";
import type { ExportModel } from "../export-model.js";
import { requireFloat16 } from "../float16-weights.js";
import type { ExportFormat } from "../format.js";
import { openPage } from "./open-page.js";
import { writePage } from "./page-file.js";
import type { PageModel } from "./page-model.js";
import { weightBytes } from "./weight-stream.js";

// WebAssembly has 4 GiB for weights in float32, their copies in the order of its kernels, and images.
const mostBytes = 500e6;

export const pageFormat: ExportFormat = {
  alwaysFloat16: true,
  write: async (model, folder) => {
    const bytes = weightBytes(model.graph.weights);
    if (bytes > mostBytes)
      throw new UserError(
        model.model,
        `has ${sizeText(bytes)} of weights in float16`,
        `at most ${sizeText(mostBytes)}, which a browser can hold`,
        "choose another format with --to, or serve it with bit-serve",
      );
    const path = join(folder, `${model.model.replaceAll("/", "-")}.html`);
    await writePage(path, pageModelOf(model), float16Weights(model));
  },
  open: openPage,
};

function pageModelOf(model: ExportModel): PageModel {
  const { classes, classNames, size, resize, graph, run } = model;
  const details: [string, string][] = [];
  if (run !== undefined) {
    const images = run.trainSize === undefined ? "" : `, ${run.trainSize} photos`;
    details.push(["Fine-tuned on", `${run.dataset}${images}`]);
  }
  details.push(
    ["Weights", "float16; computed in float32"],
    ["Made by", `bit-train ${packageVersion()}, with TensorFlow.js (Apache License 2.0)`],
  );
  const named = classNames === undefined ? {} : { classNames };
  return { version: 1, model: model.model, classes, ...named, size, resize, details, graph };
}

/** All weights as the archive has them, before they are standardized: what an .npz of float16 holds. */
async function* float16Weights(model: ExportModel): AsyncGenerator<Uint8Array> {
  for (const { name } of model.graph.weights) {
    const { values } = await model.variable(name);
    requireFloat16(model, name, values, "choose another format with --to");
    yield new Uint8Array(float32ToFloat16(values).buffer);
  }
}
