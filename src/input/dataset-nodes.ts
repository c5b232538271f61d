/**
 * TensorFlow's datasets, tf.data, as nodes of a graph. All of them lie on the host.
 * Source: tensorflow/core/ops/dataset_ops.cc.
 */
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import type { AttrValue } from "../graph/proto.js";

const device = "cpu";

/** A dataset, and what an element of it is: values of known shapes. */
export interface DatasetNode {
  readonly output: Output;
  readonly element: readonly OutputSpec[];
}

/** The rows of some tensors, whose dimension 0 is the same. */
export function slices(builder: GraphBuilder, tensors: readonly Output[]): DatasetNode {
  const element = tensors.map(({ type, shape }) => ({ type, shape: shape!.slice(1) }));
  const attrs = {
    ...described(element, "Toutput_types"),
    is_files: attribute.bool(false),
    replicate_on_split: attribute.bool(false),
  };
  return add(builder, "TensorSliceDataset", tensors, attrs, element);
}

/** What a function of the graph's library makes of each element. */
export interface MapOptions {
  readonly function: string;
  /** What it is called with besides the element. */
  readonly captured: readonly Output[];
  /** What it returns. */
  readonly element: readonly OutputSpec[];
  /** Calls at a time. */
  readonly workers: number;
  /** Whether results come in the order of the elements. */
  readonly ordered: boolean;
}

export function mapped(
  builder: GraphBuilder,
  { output }: DatasetNode,
  { function: name, captured, element, workers, ordered }: MapOptions,
): DatasetNode {
  const attrs = {
    ...described(element),
    f: attribute.function(name),
    Targuments: attribute.types(captured.map(({ type }) => type)),
    use_inter_op_parallelism: attribute.bool(true),
    deterministic: attribute.string(String(ordered)),
    preserve_cardinality: attribute.bool(true),
  };
  const inputs = [output, ...captured, int64(builder, workers)];
  return add(builder, "ParallelMapDatasetV2", inputs, attrs, element);
}

/**
 * Elements put together, `count` to one.
 * @param rest what becomes of a last one that is not full: it is dropped, or is a smaller element
 */
export function inBatches(
  builder: GraphBuilder,
  { output, element }: DatasetNode,
  count: number,
  rest: "dropped" | "kept" = "dropped",
): DatasetNode {
  const drops = rest === "dropped";
  const of = element.map(({ type, shape }) => ({ type, shape: [drops ? count : -1, ...shape!] }));
  const attrs = { ...described(of), parallel_copy: attribute.bool(false) };
  const inputs = [output, int64(builder, count), builder.constant("bool", [], [drops])];
  return add(builder, "BatchDatasetV2", inputs, attrs, of);
}

/** The same elements, of which so many are made ahead. */
export function prefetched(
  builder: GraphBuilder,
  { output, element }: DatasetNode,
  count: number,
): DatasetNode {
  const attrs = {
    ...described(element),
    slack_period: attribute.int(0),
    legacy_autotune: attribute.bool(true),
    buffer_size_min: attribute.int(0),
  };
  const inputs = [output, int64(builder, count)];
  return add(builder, "PrefetchDataset", inputs, attrs, element);
}

/** The elements that can be had without an error. */
export function withoutErrors(
  builder: GraphBuilder,
  { output, element }: DatasetNode,
): DatasetNode {
  const { metadata: _, ...types } = described(element);
  const attrs = { ...types, log_warning: attribute.bool(false) };
  return add(builder, "IgnoreErrorsDataset", [output], attrs, element);
}

/** The elements of one dataset, then those of another of their kind. */
export function followedBy(
  builder: GraphBuilder,
  { output, element }: DatasetNode,
  next: DatasetNode,
): DatasetNode {
  const inputs = [output, next.output];
  return add(builder, "ConcatenateDataset", inputs, described(element), element);
}

/** tensorflow.data.Options, as bytes: field 7 is AutotuneOptions, whose field 1 is `enabled`. */
const withoutAutotuning = Uint8Array.of(7 * 8 + 2, 2, 1 * 8, 0);

/**
 * The same elements, without tf.data's autotuner. We choose how many are made at a time; and whoever ends
 * an iterator waits until the autotuner's thread next wakes, which it does after up to 41 s.
 * Source: tensorflow/core/framework/{dataset_options.proto,model.cc}.
 */
function untuned(builder: GraphBuilder, { output, element }: DatasetNode): DatasetNode {
  const attrs = {
    ...described(element),
    serialized_options: attribute.bytes(withoutAutotuning),
  };
  return add(builder, "OptionsDataset", [output], attrs, element);
}

/**
 * Takes a dataset's elements one after the other.
 * @returns the next element's values, and what begins anew when it is run
 */
export function iterated(
  builder: GraphBuilder,
  dataset: DatasetNode,
  name: string,
): { readonly values: readonly Output[]; readonly started: Output } {
  const { output, element } = untuned(builder, dataset);
  const { metadata: _, ...types } = described(element);
  const attrs = {
    ...types,
    shared_name: attribute.string(name),
    container: attribute.string(""),
  };
  const iterator = builder.one(
    "IteratorV2",
    [],
    attrs,
    { type: "resource", shape: [] },
    { device },
  );
  const [started] = builder.add("MakeIterator", [output, iterator], {}, [], { device });
  const values = builder.add("IteratorGetNext", [iterator], types, element, { device });
  return { values, started };
}

function described(element: readonly OutputSpec[], types = "output_types") {
  return {
    [types]: attribute.types(element.map(({ type }) => type)),
    output_shapes: attribute.shapes(element.map(({ shape }) => shape)),
    metadata: attribute.string(""),
  };
}

function int64(builder: GraphBuilder, value: number): Output {
  return builder.constant("int64", [], [value]);
}

function add(
  builder: GraphBuilder,
  op: string,
  inputs: readonly Output[],
  attrs: Readonly<Record<string, AttrValue>>,
  element: readonly OutputSpec[],
): DatasetNode {
  const output = builder.one(op, inputs, attrs, { type: "variant", shape: [] }, { device });
  return { output, element };
}
