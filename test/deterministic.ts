/**
 * Checkpoints and inputs that any language can recompute: values come from a counter-based
 * generator, so golden.json's numbers can be compared with. Beside golden.json's own description:
 * u_i from the FNV-1a hash of the tensor's name and the index i, in [0, 1), then
 *   kernel (2u - 1) sqrt(3 / fan_in), gamma 0.75 + 0.5 u, beta 0.4 (u - 0.5), bias 0.2 (u - 0.5),
 *   images 2u - 1, labels floor(u classes).
 */
import { readFileSync } from "node:fs";
import { sizeOf } from "../src/archive/shape.js";
import type { VariableSpec } from "../src/model/architecture.js";
import { fixturePath } from "./fixture-path.js";

/** `size` values for the tensor called `name`: `map` of each u in [0, 1), rounded to float32. */
function values(name: string, size: number, map: (u: number) => number): Float32Array {
  let seed = 2166136261;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
  const result = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const a = (seed + Math.imul(i + 1, 0x6d2b79f5)) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    result[i] = map(((t ^ (t >>> 14)) >>> 0) / 2 ** 32);
  }
  return result;
}

const known = new Map<string, Float32Array>();

/** The values of a variable, by its official name. Callers must not change them. */
export function variableValues({ name, shape }: VariableSpec): Float32Array {
  const key = `${name} ${shape.join()}`;
  const made = known.get(key) ?? values(name, sizeOf(shape), rule(name, shape));
  known.set(key, made);
  return made;
}

function rule(name: string, shape: readonly number[]): (u: number) => number {
  const bound = Math.sqrt(3 / sizeOf(shape.slice(0, -1)));
  switch (name.slice(name.lastIndexOf("/") + 1)) {
    case "kernel":
      return (u) => (2 * u - 1) * bound;
    case "gamma":
      return (u) => 0.75 + 0.5 * u;
    case "beta":
      return (u) => 0.4 * (u - 0.5);
    case "bias":
      return (u) => 0.2 * (u - 0.5);
    default:
      throw new Error(`no rule for ${name}`);
  }
}

/** Images `[n,h,w,3]` in [-1, 1). */
export function imageValues(n: number, h: number, w: number): Float32Array {
  return values(`input/${n}x${h}x${w}x3`, n * h * w * 3, (u) => 2 * u - 1);
}

/** Labels `[n]` in [0, classes). */
export function labelValues(n: number, classes: number): Int32Array {
  return Int32Array.from(values(`labels/${n}`, n, (u) => Math.floor(u * classes)));
}

interface GoldenModel {
  readonly units: [number, number, number, number];
  readonly width: number;
  readonly classes: number;
  readonly n: number;
  readonly h: number;
  readonly w: number;
}

export interface GoldenForward extends GoldenModel {
  readonly first: readonly (readonly number[])[];
  readonly mean: number;
  readonly std: number;
  readonly argmax: readonly number[];
}

export interface GoldenTrain extends GoldenModel {
  readonly steps: number;
  readonly lr: number;
  readonly zero_head: boolean;
  readonly mixup: { readonly lambda: number } | null;
  readonly losses: readonly number[];
  readonly grad_norms_step0: Readonly<Record<string, number>>;
  readonly logits_after: readonly (readonly number[])[];
}

/** float64 results of the official PyTorch model on these checkpoints and inputs. */
export const golden = JSON.parse(readFileSync(fixturePath("golden.json"), "utf8")) as {
  readonly forward: readonly GoldenForward[];
  readonly train: readonly GoldenTrain[];
};
