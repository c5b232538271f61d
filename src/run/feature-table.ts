/** Features of a part of a dataset: what the head is given of each image, as a table that is kept. */
import { cacheFolder } from "../cache-folder.js";
import { imageName, type Split } from "../data/dataset.js";
import { sizeText } from "../disk/size-text.js";
import { type Engine, floats, type HostTensor } from "../engine/session.js";
import { type Architecture, featureChannels } from "../model/architecture.js";
import type { Precision } from "../settings/choices.js";
import { requireFiniteFeatures } from "../train/evaluate.js";
import {
  archiveHash,
  featuresFolder,
  featuresKey,
  KEPT_BYTES,
  keepFeatures,
  readFeatures,
} from "./feature-cache.js";
import type { FetchConsole } from "./fetching.js";
import { imageDigests } from "./image-digests.js";
import { imageOutcomes, type SeeingModel, type SeeingOptions } from "./image-outcomes.js";
import { networkOf } from "./trained-model.js";

/** A table of features, a row for each image of a part, in its order. */
export interface FeatureTable {
  readonly count: number;
  readonly channels: number;
  /** float32 `[count, channels]`; the row of an image that cannot be decoded is NaN. */
  readonly values: Float32Array;
  /** Images that cannot be decoded, and why; empty where these are refused. */
  readonly faults: ReadonlyMap<number, string>;
  /** Whether it was made by an earlier command. */
  readonly fromCache: boolean;
}

/** How features are made. */
export interface FeatureOptions extends Omit<SeeingOptions, "badImages"> {
  /** What the network computes in. */
  readonly precision: Precision;
  /** Default: refuse. */
  readonly badImages?: "refuse" | "skip" | undefined;
  /** Why some images cannot be decoded, where that is known. */
  readonly faults?: ReadonlyMap<number, string> | undefined;
  /** What the images are, for lines to people: as in `training images`. */
  readonly what?: string | undefined;
  /** Whether the table is kept, and taken where it is; default true. */
  readonly kept?: boolean | undefined;
  /** The user's cache folder. */
  readonly cache?: string | undefined;
  /** Makes a table that is not kept; default: this process does. */
  readonly made?: (() => Promise<MadeTable>) | undefined;
}

type MadeTable = Pick<FeatureTable, "values" | "faults">;

/** Who is told how features come about, and may stop it. */
export interface FeatureObserver extends Pick<FetchConsole, "line" | "signal"> {
  /** Told after each batch; never where the table is kept. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The features of all images of a part. A table is kept in the cache folder, under `features/`, for whoever
 * asks for the same: the same weights, size, resize method, precision and engine, and images of the same
 * bytes in the same order, wherever they lie. The batch does not count: it may change the last bits.
 * @param model its head plays no part, and need not be there
 * @throws UserError at an image that cannot be decoded, where it is refused, or where features are not
 *   finite; the signal's reason
 */
export async function featuresOf(
  split: Split,
  model: SeeingModel,
  options: FeatureOptions,
  engine: Engine,
  observer: FeatureObserver = {},
): Promise<FeatureTable> {
  const { what = "images", kept = true, cache = cacheFolder() } = options;
  const count = split.labels.length;
  const channels = featureChannels(model.architecture);
  const folder = featuresFolder(cache);
  const facts = { count, channels };
  const named = `features of ${count} ${what}`;
  const sizeBytes = Float32Array.BYTES_PER_ELEMENT * count * channels;
  const key =
    kept && sizeBytes <= KEPT_BYTES
      ? await keyOf(split, model, options, engine, observer)
      : undefined;
  if (key !== undefined) {
    const found = await readFeatures(folder, key, [count, channels]);
    if (found === "damaged") observer.line?.(`${named}: the kept table is damaged, and made anew`);
    else if (found !== undefined && mayHave(found.faults, options)) {
      observer.line?.(`${named}: kept by an earlier command`);
      return { ...facts, ...found, fromCache: true };
    }
  }
  const make = options.made ?? (() => madeTable(split, model, options, engine, observer));
  const made = await make();
  const refusal =
    key === undefined
      ? kept && sizeBytes > KEPT_BYTES && `${sizeText(sizeBytes)}, over ${sizeText(KEPT_BYTES)}`
      : await keepFeatures(folder, key, made, channels);
  // In one line: docs/evaluation.md has the rest.
  if (refusal) observer.line?.(`features of ${count} images are not kept: ${refusal}`);
  return { ...facts, ...made, fromCache: false };
}

/** Whoever refuses faulty images is to be told of the first as always: by its being decoded. */
function mayHave(faults: ReadonlyMap<number, string>, { badImages }: FeatureOptions): boolean {
  return badImages === "skip" || faults.size === 0;
}

/** The architecture's own numbers, without functions or names of files. */
const architectureFacts = ({ units, width }: Architecture) => ({ units, width });

/** The key of the table; undefined where an image cannot be read. */
async function keyOf(
  split: Split,
  model: SeeingModel,
  { size, precision, resize = model.resize, faults = new Map() }: FeatureOptions,
  { target, version, description }: Engine,
  { signal }: FeatureObserver,
): Promise<string | undefined> {
  const digests = await imageDigests(split, signal);
  if (digests === undefined) return undefined;
  const { native, device } = target;
  const facts = {
    weights: await archiveHash(model.weights, signal),
    architecture: architectureFacts(model.architecture),
    ...{ size, resize, precision, version, description, native, device },
    faults: [...faults],
  };
  return featuresKey(facts, digests);
}

async function madeTable(
  split: Split,
  model: SeeingModel,
  options: FeatureOptions,
  engine: Engine,
  { signal, progress }: FeatureObserver,
): Promise<MadeTable> {
  const count = split.labels.length;
  const channels = featureChannels(model.architecture);
  const values = new Float32Array(count * channels);
  const faults = new Map<number, string>();
  const { architecture, weights } = model;
  // The head is not computed: the smallest will do.
  const network = networkOf({ architecture, classes: 1 }, engine, options.precision);
  const { badImages = "refuse", faults: known = new Map() } = options;
  const taken = { fetches: ["predict/features"], read: rowsOf, newHead: true } as const;
  const seen = { images: split, faults: known };
  const seeing = { ...options, badImages };
  let done = 0;
  signal?.throwIfAborted();
  for await (const rows of imageOutcomes(seen, model, network, taken, seeing, engine)) {
    signal?.throwIfAborted();
    for (const row of rows) {
      const own = values.subarray(done * channels, (done + 1) * channels);
      if (row instanceof Float32Array) {
        requireFiniteFeatures(weights, imageName(split.images, done), row);
        own.set(row);
      } else {
        own.fill(Number.NaN);
        faults.set(done, row.fault);
      }
      done++;
    }
    if (rows.length > 0) progress?.(done, count);
    // Lets the process hear signals between the native calls.
    await new Promise(setImmediate);
  }
  return { values, faults };
}

/** The rows of features `[batch, channels]`. */
function rowsOf([fetched]: readonly HostTensor[], batch: number): Float32Array[] {
  const features = floats(fetched);
  const channels = features.length / batch;
  return Array.from({ length: batch }, (_, row) =>
    features.subarray(row * channels, (row + 1) * channels),
  );
}
