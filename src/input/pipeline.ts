/**
 * The native input pipeline: a dataset inside the session that reads, decodes, resizes, augments
 * and batches images on its own threads, ahead of the step that takes them.
 *
 * JavaScript decides the order and the augmentation of every example and feeds them as numbers, so
 * what a batch holds does not depend on how the threads race.
 */
import type { Split } from "../data/dataset.js";
import type { HostTensor, Session } from "../engine/session.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import { cast, copy, fill, reshape } from "../graph/ops.js";
import { hasOwnMemory, type Target } from "../graph/target.js";
import {
  type DatasetNode,
  inBatches,
  iterated,
  mapped,
  prefetched,
  slices,
} from "./dataset-nodes.js";
import { defineExamples, givesBytes } from "./example-functions.js";
import { checkReach } from "./file-table.js";
import { normalize } from "./image-functions.js";
import { addImageCache, normalizeBytes } from "./native-images.js";
import { addTables, loadTables, residentBatch, residentBytes } from "./resident-images.js";
import type { ResizeMethod } from "./resize-method.js";
import { type FeatureSplit, tableFeeds } from "./split-tables.js";

/** How images are made, whatever they are. */
export interface InputPolicy {
  /**
   * Default: `pillow`. Where the target has the host's operations, images are resized as Pillow does, to
   * the bit, and stay bytes until a step takes them. Without them, and with `tf`, the resize does not
   * round its result to whole grey levels.
   */
  readonly resize?: ResizeMethod | undefined;
  /**
   * Memory for images that are kept once they are decoded, in bytes; off where undefined, and where
   * the target lacks the host's operations. Of each image the decoded pixels are kept, or the resized where these are
   * fewer. What does not fit is decoded each time.
   */
  readonly cacheBytes?: number | undefined;
}

export interface PipelineOptions extends InputPolicy {
  readonly target: Target;
  /** Distinguishes the pipelines of one graph: `train`, `val`. */
  readonly name: string;
  readonly batch: number;
  /** Side to which images are resized. */
  readonly resizeTo: number;
  /** Side of the random crop, or undefined where the whole resized image is taken. */
  readonly crop?: number;
  /** Threads that prepare examples. */
  readonly workers: number;
}

/** A pipeline of a graph, as a session is told of it. */
export interface Pipeline {
  readonly name: string;
  /** What it was made for. */
  readonly split: Split | FeatureSplit;
  /** Whether its tables lie on the device, and batches are made there. */
  readonly resident: boolean;
}

/** A batch of a pipeline, as outputs of the graph: each run that uses it takes the next one. */
export interface PipelineBatch {
  readonly pipeline: Pipeline;
  /** float32 `[batch, side, side, 3]` in [-1, 1], or features `[batch, channels]`. */
  readonly images: Output;
  /** int32 `[batch]`. */
  readonly labels: Output;
}

const host = { device: "cpu" } as const;

// Batches made ahead. More would cost memory and gain nothing: a step is slower than its batch.
const prefetchedBatches = 2;

// Images made by one call where they need no decoding, so that calls are few. More would be many bytes
// under way at once.
const mostRows = 32;

/**
 * Adds a pipeline over `split` to a graph; `loadPipeline` makes it ready in a session, and `startPipeline`
 * then gives it examples. The images are the same wherever they are made.
 * @throws UserError where the images are parts of files, and the target has nothing to read these
 */
export function addPipeline(
  builder: GraphBuilder,
  split: Split,
  options: PipelineOptions,
): PipelineBatch {
  const { target, name, resize: method = "pillow" } = options;
  const bytes = givesBytes({ target, method });
  const resident = bytes && residentBytes(split, target) > 0;
  const add = resident ? addResident : addHosted;
  const made = add(builder, split, { ...options, resize: method });
  // By these names another device is handed what this one has made.
  const images = builder.fetchable(`${name}/images`, made.images);
  const labels = builder.fetchable(`${name}/batch_labels`, made.labels);
  return {
    pipeline: { name, split, resident },
    images: bytes ? normalized(builder, images, target) : images,
    labels,
  };
}

type MethodOptions = PipelineOptions & { readonly resize: ResizeMethod };
type MadeBatch = Pick<PipelineBatch, "images" | "labels">;

/** The host's dataset gives numbers alone: the batch is made of them where the tables are. */
function addResident(builder: GraphBuilder, split: Split, options: MethodOptions): MadeBatch {
  const { name, batch, resizeTo, crop } = options;
  if (split.images.kind !== "pixels") throw new Error(`${name}: files do not lie on a device`);
  const tables = addTables(builder, name, split.images, split.labels.length);
  const batches = inBatches(builder, numbersOf(builder, name), batch);
  const [rows, augmentations] = taken(builder, name, batches, [[batch], [batch, 3]]);
  const numbers = {
    rows: builder.fetchable(`${name}/rows`, rows!),
    windows:
      crop === undefined
        ? fill(builder, "int32", [batch, 3], 0)
        : builder.fetchable(`${name}/windows`, augmentations!),
  };
  return residentBatch(builder, tables, numbers, { side: resizeTo, crop: crop ?? resizeTo });
}

/** The host's dataset makes the images. */
function addHosted(builder: GraphBuilder, split: Split, options: MethodOptions): MadeBatch {
  const { target, name, batch, resizeTo, crop, workers, cacheBytes, resize: method } = options;
  const bytes = givesBytes({ target, method });
  const side = crop ?? resizeTo;
  if (split.images.kind === "files") checkReach(split.images, target);
  const tables: Record<string, Output> = {};
  for (const [key, { type, shape }] of Object.entries(tableFeeds(split)))
    tables[key] = copy(builder, builder.placeholder(`${name}/${key}`, type, shape), host);
  if (target.native.host && cacheBytes !== undefined && split.images.kind === "files")
    tables["cache"] = addImageCache(builder, cacheBytes);
  const captured = Object.values(tables);
  const rows = bytes && split.images.kind === "pixels" ? partOf(batch) : undefined;
  const function_ = `${name}_example`;
  const functionOptions = { name: function_, split, resizeTo, crop, target, method, rows };
  defineExamples(builder, functionOptions, tables);

  const example: OutputSpec[] = [
    { type: bytes ? "uint8" : "float32", shape: [side, side, 3] },
    { type: "int32", shape: [] },
  ];
  const one = numbersOf(builder, name);
  const examples = rows === undefined ? one : inBatches(builder, one, rows);
  const element =
    rows === undefined
      ? example
      : example.map(({ type, shape }) => ({ type, shape: [rows, ...shape!] }));
  const mapping = { function: function_, captured, element, workers, ordered: true };
  const images = mapped(builder, examples, mapping);
  const batches = inBatches(builder, images, batch / (rows ?? 1));
  const [square, labels] = taken(builder, name, batches, [[batch, side, side, 3], [batch]]);
  return { images: square!, labels: labels! };
}

/** The examples to be made: their numbers and their augmentations, which each start feeds. */
export function numbersOf(builder: GraphBuilder, name: string): DatasetNode {
  const indices = builder.placeholder(`${name}/indices`, "int32", [-1]);
  const augmentations = builder.placeholder(`${name}/augmentations`, "int32", [-1, 3]);
  const numbers = [indices, augmentations].map((fed) => copy(builder, fed, host));
  return slices(builder, numbers);
}

/** The values of the next batch, some of which are made ahead. */
export function taken(
  builder: GraphBuilder,
  name: string,
  batches: DatasetNode,
  shapes: readonly (readonly number[])[],
): Output[] {
  const ahead = prefetched(builder, batches, prefetchedBatches);
  const { values, started } = iterated(builder, ahead, `${name}/iterator`);
  builder.fetchable(`${name}/started`, builder.ints(0), [started]);
  return values.map((value, i) => inShape(builder, value, shapes[i]!));
}

/** A batch's dimensions are known to the last; tf.data may not say so. */
function inShape(builder: GraphBuilder, value: Output, shape: readonly number[]): Output {
  return value.shape?.join() === shape.join() ? value : reshape(builder, value, shape);
}

/** The largest divisor of a batch that is at most `mostRows`. */
function partOf(batch: number): number {
  let rows = Math.min(batch, mostRows);
  while (batch % rows !== 0) rows--;
  return rows;
}

/** A batch's bytes go to the device where the step computes, and become numbers there. */
export function normalized(builder: GraphBuilder, bytes: Output, target: Target): Output {
  return hasOwnMemory(target)
    ? normalize(builder, cast(builder, bytes, "float32"))
    : normalizeBytes(builder, bytes);
}

/** Makes a pipeline ready in a session that has just been opened. @throws SessionError */
export async function loadPipeline(
  session: Session,
  { name, split, resident }: Pipeline,
): Promise<void> {
  if (resident) await loadTables(session, name, split);
}

/**
 * Lets a pipeline begin anew with these examples; what it had made ahead is dropped.
 * @param indices `[n]` into the split, n a multiple of the batch
 * @param augmentations `[n, 3]`, top, left and flip of each; zeros where nothing is cropped
 */
export async function startPipeline(
  session: Session,
  { name, split, resident }: Pipeline,
  indices: Int32Array,
  augmentations: Int32Array,
): Promise<void> {
  const n = indices.length;
  const count = split.labels.length;
  // A device would take the nearest that there is.
  const wrong = indices.find((index) => index < 0 || index >= count);
  if (wrong !== undefined) throw new RangeError(`${name}: example ${wrong} of ${count}`);
  const feeds: Record<string, HostTensor> = {
    [`${name}/indices`]: { type: "int32", shape: [n], data: indices },
    [`${name}/augmentations`]: { type: "int32", shape: [n, 3], data: augmentations },
  };
  if (!resident)
    for (const [key, feed] of Object.entries(tableFeeds(split))) feeds[`${name}/${key}`] = feed;
  await session.run(feeds, [`${name}/started`]);
}
