/**
 * `config.json`: what a run's settings came to, and what they rest on. The format is told here and by the
 * rows of the table of settings that are recorded as they are; how a run is trained by it, `planOf` says.
 */
import { z } from "zod";
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import { precisions } from "../settings/choices.js";
import { settingShape } from "../settings/setting-schema.js";
import { type RecordedSettings, recordedRows, settingTable } from "../settings/table.js";
import type { TrainPlan } from "../train/train-plan.js";
import { readJson } from "./versioned-json.js";

const count = z.int().nonnegative();
const positive = z.int().positive();

/** What settings come to, where that is more than their values, and what was found out. */
const facts = {
  name: z.string(),
  model: z.string(),
  /** As in `R50x1`. */
  architecture: z.string(),
  /** The archive that training starts from, or null for random values. */
  weights: z.string().nullable(),
  /** A known name, or the absolute path of an image folder. */
  dataset: z.string(),
  /** Absolute; of no meaning where `dataset` is a path or the sample. */
  datadir: z.string(),
  classNames: z.array(z.string()).readonly(),
  trainSize: count,
  valSize: count,
  /** Examples a step. */
  batch: positive,
  /** Parts in which a batch is computed; it divides the batch. */
  split: positive,
  /** Processes that trained together; undefined: one. */
  ranks: positive.optional(),
  baseLr: z.number().positive(),
  /** End of warm-up, drops, end of training, in steps. */
  schedule: z.array(count).min(1).readonly(),
  /** Undefined: no mixup. */
  mixupAlpha: z.number().positive().optional(),
  /** Sides to which training images are resized, and of what is cut from them. */
  resolution: z.object({ precrop: positive, crop: positive }),
  evalBatch: positive,
  precision: z.enum(precisions),
  /** Threads that prepare images. */
  workers: positive,
};

const hashes = z.object({
  labels: z.string(),
  images: z.string(),
  contents: z.string().exactOptional(),
});

type Facts = Readonly<z.infer<z.ZodObject<typeof facts>>>;

/** What a run's settings came to, every choice made. */
export interface RunConfig extends RecordedSettings, Facts {}

/** What `config.json` holds: the settings, and the hashes of a fingerprint of the data. */
export interface RunRecordFile extends RunConfig {
  readonly data: Readonly<z.infer<typeof hashes>>;
}

/**
 * What is known of a run by its `config.json`. An earlier version may have left out what it did not know,
 * and had null for a `datadir` without meaning.
 */
export type KnownConfig = Readonly<
  Partial<Omit<RunRecordFile, "datadir">> & { readonly datadir?: string | null; version?: number }
>;

/** Keys that come from no setting of their name, and may change. */
const freeFacts = ["version", "name", "evalBatch"];

/** The keys of `config.json` that may change when a run goes on, and change no result. */
export const freeKeys: ReadonlySet<string> = new Set([
  ...freeFacts,
  ...Object.entries(settingTable).flatMap(([name, row]) =>
    "decides" in row && row.decides === false ? [name] : [],
  ),
]);

/** What runs had of a setting before there was one, by the keys of `config.json`. */
export const formerValues: ReadonlyMap<string, unknown> = new Map(
  recordedRows.flatMap(([name, { since, default: value }]) =>
    since === undefined ? [] : [[name, value] as const],
  ),
);

const known = z
  .strictObject({
    version: count,
    ...Object.fromEntries(
      recordedRows.map(([name, row]) => [name, settingShape(row).nullable()] as const),
    ),
    ...facts,
    datadir: facts.datadir.nullable(),
    data: hashes,
  })
  .partial();

const keys = Object.keys(known.shape);

/**
 * Reads a run's `config.json`; undefined where it has none.
 * @throws UserError where it is damaged, of a newer version, or says what this version does not know
 */
export async function readConfig(path: string): Promise<KnownConfig | undefined> {
  const value = await readJson(path);
  if (value === undefined || isKnown(value)) return value;
  const [issue] = known.safeParse(value).error!.issues;
  if (issue!.code === "unrecognized_keys") {
    const [key] = issue!.keys;
    throw new UserError(
      path,
      `${key} is no setting that this bit-train knows`,
      perhaps(key!, keys) ?? "a config.json that bit-train wrote",
      "correct it, or use the bit-train that wrote it",
    );
  }
  throw new UserError(
    path,
    `${issue!.path.join(".")}: ${issue!.message}`,
    "a config.json that bit-train wrote",
    `correct it, or remove ${path} alone: the command that made the run writes it anew and goes on`,
  );
}

function isKnown(value: object): value is KnownConfig {
  return known.safeParse(value).success;
}

/** The part of a configuration that the training loop follows. */
export function planOf(config: RunConfig): TrainPlan {
  const { seed, batch, split, baseLr, schedule, mixupAlpha, resolution, flip, evalBatch } = config;
  const { evalEvery, evalFirst, saveEvery, saveMinutes, classWeights } = config;
  return {
    classWeights: classWeights ?? undefined,
    ...{ seed, batch, split, baseLr, schedule, mixupAlpha, resolution, flip, evalBatch },
    evalFirst: evalFirst ?? undefined,
    evalEvery: evalEvery ?? undefined,
    saveEvery: saveEvery ?? undefined,
    saveMinutes: saveMinutes ?? undefined,
  };
}
