/** What exports for transformers and timm have in common: safetensors by a table of names, and JSON. */

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type SafetensorsTensor, writeSafetensors } from "../../archive/safetensors-writer.js";
import { counted } from "../../counted.js";
import { writeFileAtomically } from "../../disk/atomic-file.js";
import { headKernel, variableSpecs } from "../../model/architecture.js";
import { outputsFirst } from "../../model/kernel-order.js";
import type { WritableLayout } from "../../model/name-layouts.js";
import { officialPrefix } from "../../model/variable-trees.js";
import { hubFiles } from "../../zoo/hub-folder.js";
import type { ExportModel } from "../export-model.js";

/** How a tool stores a model's weights. */
export interface HubWeights {
  readonly layout: WritableLayout;
  /** Whether the head's kernel is `[classes, C, 1, 1]`, as a convolution's, or `[classes, C]`. */
  readonly headAxes: 2 | 4;
}

/**
 * Writes `model.safetensors`, one variable in memory at a time.
 * @throws UserError where the disk is full, or a value is beyond float16
 */
export async function writeHubWeights(
  model: ExportModel,
  folder: string,
  { layout, headAxes }: HubWeights,
  f16: boolean,
): Promise<void> {
  const specs = variableSpecs(model.architecture, model.classes);
  const tensors = specs.map(({ name, shape }): SafetensorsTensor => {
    const own = layout.own(name.slice(officialPrefix.length)).replaceAll("/", ".");
    const values = async () => (await model.variable(name)).values;
    if (shape.length !== 4) return { name: own, shape, values };
    const [height, width, inputs, outputs] = shape as [number, number, number, number];
    const sides = name === headKernel && headAxes === 2 ? [] : [height, width];
    return {
      name: own,
      shape: [outputs, inputs, ...sides],
      values: async () => outputsFirst(await values(), shape),
    };
  });
  await writeSafetensors(join(folder, hubFiles.weights), tensors, { float16: f16 });
}

/** What a configuration has for bit-train alone: neither tool has a place for how images are resized. */
export function ownSettings({ resize }: ExportModel): object {
  return resize === "pillow" ? {} : { bit_train: { resize } };
}

/** What a tool does otherwise with a model. */
export function resizeNotes({ model, resize }: ExportModel, tool: string): string[] {
  if (resize === "pillow") return [];
  const trained = `${model} takes images resized as TensorFlow does, without antialiasing (resize: tf)`;
  return [`${trained}: ${tool} has no such way, and its answers to photos will be others`];
}

/** Writes JSON as these tools do: two spaces, ASCII alone, a line's end. */
export async function writeHubJson(folder: string, name: string, value: object): Promise<void> {
  const text = JSON.stringify(value, null, 2).replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  const bytes = new TextEncoder().encode(`${text}\n`);
  await writeFileAtomically(join(folder, name), (append) => append(bytes));
}

/** The model card, which the Hub shows as a repository's front page. */
export interface ModelCard {
  readonly library: "transformers" | "timm";
  /** Lines of Python that load the folder. */
  readonly loading: string;
}

/** Writes the model card. */
export async function writeModelCard(
  { model, architecture, classes, size, resize, run, steps }: ExportModel,
  folder: string,
  { library, loading }: ModelCard,
): Promise<void> {
  const trained = run && `, fine-tuned on ${run.dataset.split("/").at(-1)}`;
  const lines = [
    ...["---", "pipeline_tag: image-classification", `library_name: ${library}`],
    ...["tags:", "- bit", "- image-classification", "---", ""],
    ...[`# ${model}`, ""],
    `BiT ${architecture.name} (Big Transfer, arXiv 1912.11370)${trained ?? ""}` +
      `${steps === undefined ? "" : `, ${counted(steps, "step")}`}: ${counted(classes, "class", "classes")}.`,
    `Images are squashed to ${size}x${size}, bilinearly and antialiased, and scaled to [-1, 1].`,
    ...(resize === "tf"
      ? ["It was trained on images resized by TensorFlow, without antialiasing: pixels differ."]
      : []),
    ...["", "```python", loading, "```", ""],
  ];
  await writeFile(join(folder, "README.md"), lines.join("\n"));
}
