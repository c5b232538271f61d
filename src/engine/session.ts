/**
 * A native TensorFlow session that holds one graph: the narrow interface behind which the engine
 * lies. Variables and dataset iterators live inside and keep their state from run to run.
 */
import type { Graph } from "../graph/graph-builder.js";
import type { Target } from "../graph/target.js";

/** Values in JavaScript's memory, row-major. Strings are UTF-8 bytes, one array each. */
export type HostTensor =
  | { readonly type: "float32"; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly type: "int32"; readonly shape: readonly number[]; readonly data: Int32Array }
  | {
      readonly type: "uint8" | "bool";
      readonly shape: readonly number[];
      readonly data: Uint8Array;
    }
  | {
      readonly type: "bfloat16" | "float16";
      readonly shape: readonly number[];
      /** Their bits. */
      readonly data: Uint16Array;
    }
  | { readonly type: "int64"; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly type: "string"; readonly shape: readonly number[]; readonly data: Uint8Array[] };

export interface Session {
  /**
   * Runs the part of the graph that `fetches` need, after all runs that were asked for before.
   * @param feeds value of each placeholder, by name; not to be changed, transferred or resized before
   *   the promise is settled
   * @param fetches names of fetchable values
   * @returns a value for each fetch, in order, in memory of its own
   * @throws SessionError where TensorFlow reports an error, or the session was closed meanwhile
   */
  run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetches: readonly string[],
  ): Promise<HostTensor[]>;
  /**
   * Frees the graph and all its variables; while a run is under way, when that has ended. All promises
   * are settled at once.
   */
  close(): void;
}

/** What opens sessions, and what the graphs that are traced for it may rely on. */
export interface Engine {
  /** What graphs for it may rely on. Its `computeType` is float32 until `inType` says otherwise. */
  readonly target: Target;
  /** What computes networks: as in `TensorFlow 2.21.0 (cpu) on the CPU`. */
  readonly description: string;
  /** TensorFlow's version and that of our own operations: engines of one version decode alike. */
  readonly version: string;
  /** Of TensorFlow's, by which it computes on the CPU; undefined where something else computes. */
  readonly threads?: number | undefined;
  /**
   * Opens a session of its own on a graph.
   * @throws SessionError where TensorFlow refuses the graph
   */
  readonly open: (graph: Graph) => Session;
}

/** An error that TensorFlow reported while it loaded or ran a graph. */
export class SessionError extends Error {
  override readonly name = "SessionError";

  /** @param code TensorFlow's, as in `INVALID_ARGUMENT`; undefined where only the message is known */
  constructor(
    message: string,
    readonly code?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the device's memory did not suffice. */
  get outOfMemory(): boolean {
    if (this.code === "RESOURCE_EXHAUSTED") return true;
    return /OOM when allocating|out of memory|RESOURCE_EXHAUSTED|ALLOC_FAILED/i.test(this.message);
  }
}

/** The float32 values of a fetched tensor. Throws where it is of another type. */
export function floats(value: HostTensor | undefined): Float32Array {
  if (value?.type !== "float32") throw new Error(`expected float32, fetched ${value?.type}`);
  return value.data;
}

/** The int32 values of a fetched tensor. Throws where it is of another type. */
export function integers(value: HostTensor | undefined): Int32Array {
  if (value?.type !== "int32") throw new Error(`expected int32, fetched ${value?.type}`);
  return value.data;
}

/** A single number as a feed. */
export function scalar(type: "float32" | "int32", value: number): HostTensor {
  return type === "float32"
    ? { type, shape: [], data: Float32Array.of(value) }
    : { type, shape: [], data: Int32Array.of(value) };
}
