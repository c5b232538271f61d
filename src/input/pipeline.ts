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
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import type { ElementType } from "../graph/types.js";
import {
  cropAndFlip,
  decodeFile,
  defineResize,
  normalize,
  resize,
  row,
} from "./image-functions.js";

export interface PipelineOptions {
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

/** Adds a pipeline over `split` to a graph; `startPipeline` then gives it examples. */
export function addPipeline(
  builder: GraphBuilder,
  split: Split,
  options: PipelineOptions,
): PipelineBatch {
  const { name, batch, resizeTo, crop, workers } = options;
  const side = crop ?? resizeTo;
  const device = "cpu";
  const tables = Object.entries(tableFeeds(split)).map(([key, { type, shape }]) => {
    const fed = builder.placeholder(`${name}/${key}`, type, shape);
    return { key, type, shape, output: copiedOnHost(builder, fed) };
  });
  const indices = builder.placeholder(`${name}/indices`, "int32", [-1]);
  const augmentations = builder.placeholder(`${name}/augmentations`, "int32", [-1, 3]);

  defineResize(builder, `${name}_resize`, resizeTo);
  builder.define(exampleFunction(split, options, tables));

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
  const rows: OutputSpec[] = [
    { type: "int32", shape: [] },
    { type: "int32", shape: [3] },
  ];
  const example: OutputSpec[] = [
    { type: "float32", shape: [side, side, 3] },
    { type: "int32", shape: [] },
  ];
  const batched = example.map(({ type, shape }) => ({ type, shape: [batch, ...shape!] }));

  const examples = dataset(
    "TensorSliceDataset",
    [copiedOnHost(builder, indices), copiedOnHost(builder, augmentations)],
    {
      is_files: attribute.bool(false),
      replicate_on_split: attribute.bool(false),
    },
    rows,
  );
  const mapped = dataset(
    "ParallelMapDatasetV2",
    [examples, ...tables.map(({ output }) => output), int64(workers)],
    {
      f: attribute.function(exampleFunctionName(name)),
      Targuments: attribute.types(tables.map(({ type }) => type)),
      use_inter_op_parallelism: attribute.bool(true),
      deterministic: attribute.string("true"),
      preserve_cardinality: attribute.bool(true),
    },
    example,
  );
  const batches = dataset(
    "BatchDatasetV2",
    [mapped, int64(batch), builder.constant("bool", [], [true])],
    { parallel_copy: attribute.bool(false) },
    batched,
  );
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
  return { images, labels: labels! };
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

function exampleFunctionName(name: string): string {
  return `${name}_example`;
}

/** (index, augmentation, tables) to (image, label). */
function exampleFunction(
  split: Split,
  { name, resizeTo, crop }: PipelineOptions,
  tables: readonly { key: string; type: ElementType; shape: readonly number[] }[],
): FunctionBuilder {
  const nodes = new FunctionBuilder(exampleFunctionName(name), [
    { name: "index", type: "int32", shape: [] },
    { name: "augmentation", type: "int32", shape: [3] },
    ...tables.map(({ key, type, shape }) => ({ name: key, type, shape })),
  ]);
  const [index, augmentation, ...args] = nodes.args;
  const lookUp = (key: string) => {
    const table = args[tables.findIndex((one) => one.key === key)]!;
    return row(nodes, table, index!);
  };
  const image =
    split.images.kind === "pixels"
      ? lookUp("pixels")
      : decodeFile(nodes, lookUp("paths"), lookUp("any_image"), lookUp("orientations"));
  const resized = resize(nodes, `${name}_resize`, image, resizeTo);
  const taken = crop === undefined ? resized : cropAndFlip(nodes, resized, augmentation!, crop);
  return nodes.return(normalize(nodes, taken), lookUp("labels"));
}

/** As `copied` in the step's variables: a dataset must not keep JavaScript's own memory. */
function copiedOnHost(builder: GraphBuilder, fed: Output): Output {
  const attrs = { T: attribute.type(fed.type) };
  return builder.one("DeepCopy", [fed], attrs, fed, { device: "cpu" });
}
