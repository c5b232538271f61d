/** What later commands need to know of a run: a part of its `config.json`, and of its archives. */
import { z } from "zod";
import { UserError } from "../errors.js";
import { resizeMethods } from "../input/resize-method.js";
import { badImagesChoices, precisions } from "../settings/choices.js";
import type { RunFolder } from "./run-folder.js";
import { readJson } from "./versioned-json.js";

/** The record as JSON has it. */
export const runRecord = z.object({
  model: z.string(),
  classNames: z.array(z.string()).readonly(),
  resolution: z.object({ precrop: z.int().positive(), crop: z.int().positive() }),
  resize: z.enum(resizeMethods).default("pillow"),
  precision: z.enum(precisions),
  dataset: z.string(),
  datadir: z.string().nullable(),
  badImages: z.enum(badImagesChoices).default("refuse"),
  /** By which a part was held out, where the dataset has none of its own. */
  seed: z.int(),
  /** Images that were trained on, and held out; not known of older runs. */
  trainSize: z.int().optional(),
  valSize: z.int().optional(),
  /** The data's fingerprint (`hashesOf`), by which it is known wherever it lies. */
  data: z
    .object({ labels: z.string(), images: z.string(), contents: z.string().optional() })
    .optional(),
});

/** How a model was judged in its run, and on what. */
export type RunRecord = Readonly<z.infer<typeof runRecord>>;

/**
 * Reads a run's record from its `config.json`.
 * @throws UserError where it has none, or a damaged one
 */
export async function readRun(folder: RunFolder): Promise<RunRecord> {
  const record = runRecord.safeParse(await readJson(folder.config));
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  throw new UserError(
    folder.config,
    `${issue!.path.join(".")}: ${issue!.message}`,
    "a config.json that bit-train wrote",
    "give a copy of the run's checkpoint.npz that lies elsewhere",
  );
}

/**
 * What is known of a model by its run's `config.json` and by its own archive. A run may have been told
 * to go on under other settings; the archive knows its own. Where the data lies, the run knows better.
 * @returns undefined where neither tells
 */
export function joinRecords(
  config: RunRecord | undefined,
  own: RunRecord | undefined,
): RunRecord | undefined {
  if (config === undefined || own === undefined) return config ?? own;
  const { dataset, datadir, badImages, trainSize, valSize, data } = config;
  return { ...own, dataset, datadir, badImages, trainSize, valSize, data };
}

/**
 * In what two records of one model differ, in the words of `config.json`; of classes the first. Where
 * the data lies is no difference.
 */
export function recordDifferences(a: RunRecord, b: RunRecord): string[] {
  const told = (key: string, one: unknown, other: unknown) =>
    JSON.stringify(one) === JSON.stringify(other)
      ? []
      : [`${key} ${JSON.stringify(one)} and ${JSON.stringify(other)}`];
  const at = a.classNames.findIndex((name, i) => name !== b.classNames[i]);
  return [
    ...told("model", a.model, b.model),
    ...told("number of classes", a.classNames.length, b.classNames.length),
    ...(at === -1 ? [] : told(`class ${at}`, a.classNames[at], b.classNames[at])),
    ...told("crop", a.resolution.crop, b.resolution.crop),
    ...told("resize", a.resize, b.resize),
    ...told("precision", a.precision, b.precision),
    ...told("seed", a.seed, b.seed),
  ];
}
