/** What is timed, the same for every implementation: a network, a batch and where both start. */
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { sizeOf } from "../archive/shape.js";
import type { HostTensor } from "../engine/session.js";
import { type Architecture, headKernel, variableSpecs } from "../model/architecture.js";
import { keyedGenerator, randomStream } from "../recipe/keyed-random.js";
import type { benchImplementations, benchModes, Precision } from "../settings/choices.js";

export type BenchMode = (typeof benchModes)[number];
export type BenchImplementation = (typeof benchImplementations)[number];

export interface BenchTask {
  readonly architecture: Architecture;
  readonly mode: BenchMode;
  /** Images a step. */
  readonly batch: number;
  /** Pixels of an image's side. */
  readonly resolution: number;
  readonly classes: number;
  readonly precision: Precision;
  /** Compute each unit a second time for its gradient; default false. */
  readonly remat?: boolean | undefined;
}

/** A task made ready by one implementation. */
export interface Contestant {
  /** Time in milliseconds of each part of making it ready, by what it is. */
  readonly preparationMs: Readonly<Record<string, number>>;
  /** Where a step's images are when it starts. */
  readonly images: string;
  /** One step. Returns the mean loss of the batch: before the update, where the mode is train. */
  step(): Promise<number>;
  close(): void;
}

/** Small, so that random weights stay finite; momentum is BiT's. */
export const benchLearningRate = 1e-4;
export const benchMomentum = 0.9;

/** Fills with values that are uniform in [-bound, bound), the same for the same key. */
function fillUniform(values: Float32Array, key: number, bound: number): Float32Array {
  const generator = keyedGenerator(randomStream.initialization, 0, key, 0);
  for (let i = 0; i < values.length; i++) values[i] = (2 * uniformFloat64(generator) - 1) * bound;
  return values;
}

/**
 * The network's variables: kernels, the head's too, uniform with variance 1 / fan-in, gamma 1, the
 * rest 0. A head of zeros, with which fine-tuning starts, would make the first gradients zero.
 * @param allocate makes room for so many values, for as long as the caller needs them
 */
export function* initialVariables(
  { architecture, classes }: Pick<BenchTask, "architecture" | "classes">,
  allocate = (size: number) => new Float32Array(size),
) {
  for (const [index, spec] of variableSpecs(architecture, classes).entries()) {
    const values = allocate(sizeOf(spec.shape));
    const bound = Math.sqrt(3 / sizeOf(spec.shape.slice(0, -1)));
    const kernel = spec.name.endsWith("/kernel") || spec.name === headKernel;
    if (kernel) fillUniform(values, index, bound);
    else values.fill(spec.name.endsWith("/gamma") ? 1 : 0);
    yield [spec, values] as const;
  }
}

/** `[N,H,W,3]`, uniform in [-1, 1). */
export function randomImages({
  batch,
  resolution,
}: Pick<BenchTask, "batch" | "resolution">): HostTensor & { type: "float32" } {
  const shape = [batch, resolution, resolution, 3];
  return { type: "float32", shape, data: fillUniform(new Float32Array(sizeOf(shape)), 2 ** 20, 1) };
}

/** `[N]`: every class in turn. */
export function labelsInTurn({ batch, classes }: BenchTask): HostTensor & { type: "int32" } {
  const data = Int32Array.from({ length: batch }, (_, i) => i % classes);
  return { type: "int32", shape: [batch], data };
}

/** Runs `work` and notes in `times`, under `name`, how long it took. */
export async function timed<T>(
  times: Record<string, number>,
  name: string,
  work: () => T | Promise<T>,
): Promise<T> {
  const start = performance.now();
  const result = await work();
  times[name] = performance.now() - start;
  return result;
}
