/**
 * A TF.js backend that writes a TensorFlow graph instead of computing.
 *
 * Under it every kernel appends nodes to a graph and returns a tensor that has a shape and a type
 * but no values. TF.js differentiates through it as through any backend, so a model and its
 * training step, written once in TF.js, become one graph that a native session optimizes and runs
 * as a whole.
 *
 * Mixed precision lives here too: a tensor that TF.js calls float32 may be bfloat16 in the graph.
 */
import * as tf from "@tensorflow/tfjs";
import { type ChoosyBackend, fusedKernels } from "../model/kernel-names.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Output, ShapedOutput } from "./node-list.js";
import { cast, fill } from "./ops.js";
import { hasFusedLayers, type Target } from "./target.js";
import { type ElementType, isFloat } from "./types.js";

/** The name under which the backend is registered with TF.js. */
export const graphBackendName = "tensorflow-graph";

/** Every output of a kernel has a shape that is known while tracing. */
export type Value = ShapedOutput;

// A larger constant would bloat the graph; it should be fed or be a variable.
const largestConstant = 4096;

const fused: ReadonlySet<string> = new Set(Object.values(fusedKernels));

export class GraphBackend extends tf.KernelBackend implements ChoosyBackend {
  private readonly values = new WeakMap<object, Value>();
  private count = 0;

  constructor(
    readonly builder: GraphBuilder,
    readonly target: Target,
  ) {
    super();
  }

  /** All of the layers' kernels, but that those in place of chains are the target's to choose. */
  runs(kernelName: string): boolean {
    return !fused.has(kernelName) || hasFusedLayers(this.target);
  }

  /** The tensor that stands for `output` while tracing. Throws where its shape is not known. */
  tensor<R extends tf.Rank>(output: Output): tf.Tensor<R> {
    const { shape } = output;
    if (shape === undefined) throw new Error(`the shape of ${output.node} is not known`);
    const info = this.keep({ ...output, shape });
    return tf.engine().makeTensorFromTensorInfo(info, this) as tf.Tensor<R>;
  }

  /** The output that `tensor` stands for, in the type that it has in the graph. Throws of a packed kernel. */
  value(tensor: tf.TensorInfo): Value {
    const value = this.kernel(tensor);
    if (value.packed === true) throw new Error(`${value.node} is packed for convolutions alone`);
    return value;
  }

  /** The same of a convolution's kernel, which may be packed. */
  kernel(tensor: tf.TensorInfo): Value {
    const value = this.values.get(tensor.dataId);
    if (value === undefined) throw new Error("a tensor of another backend came into the trace");
    // Reshapes that TF.js makes without a kernel change the tensor, not what is kept for it.
    return value;
  }

  /** As `value`, cast to float32 where the graph holds it in a narrower type. */
  float32(tensor: tf.TensorInfo): Value {
    return this.cast(this.value(tensor), "float32");
  }

  /** Remembers `value` as a new tensor. */
  keep(value: Value): tf.TensorInfo {
    const dataId = {};
    this.values.set(dataId, value);
    this.count++;
    return { dataId, shape: [...value.shape], dtype: loggedType(value.type) };
  }

  /** Appends an operation with one output. */
  emit(
    op: string,
    inputs: readonly Output[],
    attrs: Parameters<GraphBuilder["one"]>[2],
    type: ElementType,
    shape: readonly number[],
  ): Value {
    return this.builder.one(op, inputs, attrs, { type, shape });
  }

  /** `value` in another element type; the same value where it already has it. */
  cast(value: Value, type: ElementType): Value {
    return cast(this.builder, value, type);
  }

  /** Both in one type: where both are floats of different width, in the narrower one. */
  alike(a: Value, b: Value): [Value, Value] {
    if (a.type === b.type || !isFloat(a.type) || !isFloat(b.type)) return [a, b];
    const narrow = a.type === "float32" ? b.type : a.type;
    return [this.cast(a, narrow), this.cast(b, narrow)];
  }

  /** Constants that TF.js makes: numbers in expressions, axes, the ones that start a gradient. */
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const type = dtype === "float32" || dtype === "int32" || dtype === "bool" ? dtype : undefined;
    if (type === undefined) throw new Error(`a constant of type ${dtype} in the trace`);
    const numbers = values as ArrayLike<number>;
    const first = Number(numbers[0] ?? 0);
    let uniform = numbers.length > 1;
    for (let i = 1; uniform && i < numbers.length; i++) uniform = Number(numbers[i]) === first;
    if (uniform) return this.keep(fill(this.builder, type, shape, first)).dataId;
    if (numbers.length > largestConstant)
      throw new Error(`a constant of ${numbers.length} values in the trace: feed it instead`);
    const made = this.builder.constant(type, shape, Array.from(numbers, Number));
    return this.keep(made).dataId;
  }

  override readSync(): never {
    throw new Error("a traced tensor has no values: fetch it from a session");
  }

  override async read(): Promise<never> {
    return this.readSync();
  }

  override numDataIds(): number {
    return this.count;
  }

  /** Nodes stay in the graph; only TF.js's count of tensors changes. */
  override disposeData(): boolean {
    this.count--;
    return true;
  }

  override refCount(): number {
    return 1;
  }

  override incRef(): void {}

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {}
}

function loggedType(type: ElementType): tf.DataType {
  if (isFloat(type)) return "float32";
  if (type === "int32" || type === "bool") return type;
  throw new Error(`TF.js has no element type ${type}`);
}
