/**
 * The native input pipeline: a dataset inside the session that reads, decodes, resizes, augments
 * and batches images on its own threads, ahead of the step that takes them.
 *
 * JavaScript decides the order and the augmentation of every example and feeds them as numbers, so
 * what a batch holds does not depend on how the threads race.
 */
import type { Split } from "../data/dataset.js";
import type { HostTensor, Session } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import { defineExamples } from "./example-functions.js";
import { cast, normalize, reshaped } from "./image-functions.js";
import { addImageCache, normalizeBytes } from "./native-images.js";

/** How images are made, whatever they are. */
export interface InputPolicy {
  /**
   * Whether the engine has the operations of native/kernels/. Images are then resized as Pillow does,
   * to the bit, and stay bytes until a step takes them. Without them the resize does not round its
   * result to whole grey levels. Default: it has not.
   */
  readonly kernels?: boolean | undefined;
  /** Where the step computes: bytes become floating-point numbers there. Default: the CPU. */
  readonly device?: "CPU" | "GPU" | undefined;
  /**
   * Memory for images that are kept once they are decoded, in bytes; off where undefined, and where
   * there are no `kernels`. Of each image the decoded pixels are kept, or the resized where these are
   * fewer. What does not fit is decoded each time.
   */
  readonly cacheBytes?: number | undefined;
}

export interface PipelineOptions extends InputPolicy {
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

/** A batch of a pipeline, as outputs of the graph: each run that uses it takes the next one. */
export interface PipelineBatch {
  /** float32 `[batch, side, side, 3]` in [-1, 1]. */
  readonly images: Output;
  /** int32 `[batch]`. */
  readonly labels: Output;
}

// Batches made ahead. More would cost memory and gain nothing: a step is slower than its batch.
const prefetchedBatches = 2;

// Images made by one call where they need no decoding, so that calls are few. More would be many bytes
// under way at once.
const mostRows = 32;

/** Adds a pipeline over `split` to a graph; `startPipeline` then gives it examples. */
export function addPipeline(
  builder: GraphBuilder,
  split: Split,
  options: PipelineOptions,
): PipelineBatch {
  const { name, batch, resizeTo, crop, workers, cacheBytes } = options;
  const kernels = options.kernels === true;
  const side = crop ?? resizeTo;
  const device = "cpu";
  const tables: Record<string, Output> = {};
  for (const [key, { type, shape }] of Object.entries(tableFeeds(split)))
    tables[key] = copiedOnHost(builder, builder.placeholder(`${name}/${key}`, type, shape));
  if (kernels && cacheBytes !== undefined && split.images.kind === "files")
    tables["cache"] = addImageCache(builder, cacheBytes);
  const captured = Object.values(tables);
  const indices = builder.placeholder(`${name}/indices`, "int32", [-1]);
  const augmentations = builder.placeholder(`${name}/augmentations`, "int32", [-1, 3]);

  const rows = kernels && split.images.kind === "pixels" ? partOf(batch) : undefined;
  const function_ = `${name}_example`;
  const functionOptions = { name: function_, split, resizeTo, crop, kernels, rows };
  defineExamples(builder, functionOptions, tables);

  const dataset = (op: string, inputs: Output[], attrs: object, outputs: OutputSpec[]) => {
    const typesAttr = op === "TensorSliceDataset" ? "Toutput_types" : "output_types";
    const all = {
      [typesAttr]: attribute.types(outputs.map((spec) => spec.type)),
      output_shapes: attribute.shapes(outputs.map((spec) => spec.shape)),
      metadata: attribute.string(""),
      ...attrs,
    };
    return builder.one(op, inputs, all, { type: "variant", shape: [] }, { device });
  };
  const int64 = (value: number) => builder.constant("int64", [], [value]);
  const inBatches = (of: Output, count: number, outputs: OutputSpec[]) => {
    const inputs = [of, int64(count), builder.constant("bool", [], [true])];
    return dataset("BatchDatasetV2", inputs, { parallel_copy: attribute.bool(false) }, outputs);
  };
  const withDimension = (count: number, specs: OutputSpec[]) =>
    specs.map(({ type, shape }) => ({ type, shape: [count, ...shape!] }));
  const row: OutputSpec[] = [
    { type: "int32", shape: [] },
    { type: "int32", shape: [3] },
  ];
  const one: OutputSpec[] = [
    { type: kernels ? "uint8" : "float32", shape: [side, side, 3] },
    { type: "int32", shape: [] },
  ];
  const made = rows === undefined ? one : withDimension(rows, one);
  const parts = batch / (rows ?? 1);
  const batched = withDimension(parts, made);

  const examples = dataset(
    "TensorSliceDataset",
    [copiedOnHost(builder, indices), copiedOnHost(builder, augmentations)],
    {
      is_files: attribute.bool(false),
      replicate_on_split: attribute.bool(false),
    },
    row,
  );
  const mapped = dataset(
    "ParallelMapDatasetV2",
    [
      rows === undefined ? examples : inBatches(examples, rows, withDimension(rows, row)),
      ...captured,
      int64(workers),
    ],
    {
      f: attribute.function(function_),
      Targuments: attribute.types(captured.map(({ type }) => type)),
      use_inter_op_parallelism: attribute.bool(true),
      deterministic: attribute.string("true"),
      preserve_cardinality: attribute.bool(true),
    },
    made,
  );
  const batches = inBatches(mapped, parts, batched);
  const ahead = dataset(
    "PrefetchDataset",
    [batches, int64(prefetchedBatches)],
    {
      slack_period: attribute.int(0),
      legacy_autotune: attribute.bool(true),
      buffer_size_min: attribute.int(0),
    },
    batched,
  );
  const types = {
    output_types: attribute.types(batched.map((spec) => spec.type)),
    output_shapes: attribute.shapes(batched.map((spec) => spec.shape)),
  };
  const iterator = builder.one(
    "IteratorV2",
    [],
    {
      ...types,
      shared_name: attribute.string(`${name}/iterator`),
      container: attribute.string(""),
    },
    { type: "resource", shape: [] },
    { device },
  );
  const [started] = builder.add("MakeIterator", [ahead, iterator], {}, [], { device });
  builder.fetchable(`${name}/started`, builder.ints(0), [started]);
  const [images, labels] = builder.add("IteratorGetNext", [iterator], types, batched, { device });
  const taken = reshaped(builder, images, [batch, side, side, 3]);
  return {
    images: kernels ? normalized(builder, taken, options.device) : taken,
    labels: reshaped(builder, labels!, [batch]),
  };
}

/** The largest divisor of a batch that is at most `mostRows`. */
function partOf(batch: number): number {
  let rows = Math.min(batch, mostRows);
  while (batch % rows !== 0) rows--;
  return rows;
}

/** A batch's bytes go to the device where the step computes, and become numbers there. */
function normalized(builder: GraphBuilder, bytes: Output, device: "CPU" | "GPU" = "CPU"): Output {
  return device === "CPU"
    ? normalizeBytes(builder, bytes)
    : normalize(builder, cast(builder, bytes, "float32"));
}

/**
 * Lets a pipeline begin anew with these examples; what it had made ahead is dropped.
 * @param indices `[n]` into the split, n a multiple of the batch
 * @param augmentations `[n, 3]`, top, left and flip of each; zeros where nothing is cropped
 */
export async function startPipeline(
  session: Session,
  name: string,
  split: Split,
  indices: Int32Array,
  augmentations: Int32Array,
): Promise<void> {
  const n = indices.length;
  const feeds: Record<string, HostTensor> = {
    [`${name}/indices`]: { type: "int32", shape: [n], data: indices },
    [`${name}/augmentations`]: { type: "int32", shape: [n, 3], data: augmentations },
  };
  for (const [key, feed] of Object.entries(tableFeeds(split))) feeds[`${name}/${key}`] = feed;
  await session.run(feeds, [`${name}/started`]);
}

/** What a dataset's functions look examples up in. */
function tableFeeds({ images, labels }: Split): Record<string, HostTensor> {
  const n = labels.length;
  const table: Record<string, HostTensor> = {
    labels: { type: "int32", shape: [n], data: labels },
  };
  if (images.kind === "pixels") {
    const { pixels, height, width } = images;
    table["pixels"] = { type: "uint8", shape: [n, height, width, 3], data: pixels };
  } else {
    const encoder = new TextEncoder();
    const anyImage = images.decoders.map((decoder) => (decoder === "any-image" ? 1 : 0));
    table["paths"] = {
      type: "string",
      shape: [n],
      data: images.paths.map((path) => encoder.encode(path)),
    };
    table["any_image"] = { type: "bool", shape: [n], data: Uint8Array.from(anyImage) };
    table["orientations"] = {
      type: "int32",
      shape: [n],
      data: Int32Array.from(images.orientations),
    };
  }
  return table;
}

/** As `copied` in the step's variables: a dataset must not keep JavaScript's own memory. */
function copiedOnHost(builder: GraphBuilder, fed: Output): Output {
  const attrs = { T: attribute.type(fed.type) };
  return builder.one("DeepCopy", [fed], attrs, fed, { device: "cpu" });
}
