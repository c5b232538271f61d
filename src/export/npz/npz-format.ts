/** `npz`: an archive with the official names, as `bit-train --weights` and the official code read it. */
import { join } from "node:path";
import { writeNpz } from "../../archive/npz-writer.js";
import type { NamedArray } from "../../archive/numeric-array.js";
import { variableSpecs } from "../../model/architecture.js";
import { recordMember } from "../../record/archive-record.js";
import { factsMember } from "../../record/classifier-facts.js";
import { onlyArchive } from "../../record/export-folder.js";
import type { ExportModel } from "../export-model.js";
import type { ExportFormat } from "../format.js";
import { openTrainedModel } from "../network-logits.js";

export const npzFormat: ExportFormat = {
  write: async (model, folder, { f16 }) => {
    const name = `${model.model.replaceAll("/", "-")}.npz`;
    await writeNpz(join(folder, name), arraysOf(model), f16 ? { float16: true } : {});
  },
  open: async (folder, engine) => openTrainedModel(await onlyArchive(folder), engine),
};

async function* arraysOf(model: ExportModel): AsyncGenerator<NamedArray> {
  const { architecture, classes, run, steps, size, resize } = model;
  for (const { name } of variableSpecs(architecture, classes)) {
    const { shape, values } = await model.variable(name);
    yield { name, array: { shape, data: values } };
  }
  if (run === undefined || steps === undefined) yield factsMember(model);
  else {
    const { precrop } = run.resolution;
    yield recordMember({ ...run, resize, resolution: { precrop, crop: size } }, steps);
  }
}
