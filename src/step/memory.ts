/** How much memory a training step needs, so that it can be planned and a batch split to fit. */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { sizeOf } from "../archive/shape.js";
import type { ComputeType } from "../graph/target.js";
import {
  type Architecture,
  featureChannels,
  isOfHead,
  unitSpecs,
  type VariableSpec,
  variableSpecs,
} from "../model/architecture.js";

/** What decides how much memory a training step takes. */
export interface TrainMemoryOptions {
  readonly classes: number;
  /** Pixels of an image's side. */
  readonly size: number;
  /** Images at a time. */
  readonly microBatch: number;
  /** Parts of a batch; default 1. */
  readonly split?: number | undefined;
  readonly computeType?: ComputeType | undefined;
  readonly remat?: boolean | undefined;
  /** Whether group normalization is part of the convolutions, so that no normalized map is kept; default: false. */
  readonly fusesNormalization?: boolean | undefined;
}

/** Bytes that a training step takes at its peak, by what they hold. */
export interface TrainMemory {
  readonly variables: number;
  readonly momentum: number;
  /** By the variables; with several parts of a batch, also their sums, before and after the last part. */
  readonly gradients: number;
  /** Standardized kernels, and gradients by them, of the convolutions under way. */
  readonly standardized: number;
  /** What the forward pass keeps of the images. */
  readonly activations: number;
  /** TensorFlow and Node themselves. */
  readonly engine: number;
  readonly total: number;
}

// Fitted to the peaks in bench/NOTES.md, which these constants meet within a tenth: what convolutions and the backward
// pass hold at a time, and the process before its first step.
const workingShare = 1.18;
const standardizedShare = 0.2;
/** Of the largest kernel's values, for what is packed of it, spread or summed up by tasks. */
const kernelBytes = { wide: 33, narrow: 22 };
const engineBytes = 0.515e9;

/** Estimates the peak of a training step's memory. */
export function trainMemory(architecture: Architecture, options: TrainMemoryOptions): TrainMemory {
  const { classes, microBatch, split = 1, computeType = "float32" } = options;
  const specs = variableSpecs(architecture, classes);
  const sizes = (some: readonly VariableSpec[]) => some.map(({ shape }) => sizeOf(shape));
  const parameters = sizes(specs).reduce((sum, size) => sum + size, 0);
  const largest = Math.max(...sizes(specs.filter((spec) => !isOfHead(spec))));
  const isNarrow = computeType !== "float32";
  const narrow = isNarrow ? 2 : 4;
  const parts = {
    variables: 4 * parameters,
    momentum: 4 * parameters,
    gradients: 4 * parameters * (split > 1 ? 3 : 1),
    standardized:
      standardizedShare * narrow * parameters + kernelBytes[isNarrow ? "narrow" : "wide"] * largest,
    activations: narrow * workingShare * microBatch * valuesPerImage(architecture, options),
    engine: engineBytes,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

/**
 * Estimates the peak of training a head alone on features, which lie in the host's memory and where the
 * step computes.
 * @param options.examples of which the features are known, those of the evaluation included
 */
export function headMemory(
  architecture: Architecture,
  { classes, examples }: { readonly classes: number; readonly examples: number },
): TrainMemory {
  const specs = variableSpecs(architecture, classes);
  const bytes = (some: readonly VariableSpec[]) =>
    some.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const head = bytes(specs.filter(isOfHead));
  const parts = {
    variables: bytes(specs),
    momentum: head,
    gradients: head,
    standardized: 0,
    activations: 2 * 4 * examples * featureChannels(architecture),
    engine: engineBytes,
  };
  return { ...parts, total: Object.values(parts).reduce((a, b) => a + b, 0) };
}

/**
 * Values of one image of `size` x `size` pixels that the forward pass keeps: of each unit its input and
 * two bottleneck convolutions' results, all three also normalized where no convolution does it, and its output.
 * With `remat` only the units' inputs are kept, and the inside of one unit at a time.
 */
function valuesPerImage(
  architecture: Architecture,
  {
    size,
    remat = false,
    fusesNormalization = false,
  }: Omit<TrainMemoryOptions, "classes" | "microBatch">,
): number {
  const channels = 64 * architecture.width;
  // Root: convolution at half size, padded copy, pooled result.
  const root = channels * (size / 2) ** 2 * 2.25;
  let side = size / 4;
  let all = 0;
  let inputs = 0;
  let largest = 0;
  for (const unit of unitSpecs(architecture)) {
    const { channelsIn, channelsMid, channelsOut, stride, projected } = unit;
    const before = side ** 2;
    side /= stride;
    const after = side ** 2;
    const middle = channelsMid * (before + after);
    const normalized = fusesNormalization ? 0 : channelsIn * before + middle;
    const inside = normalized + middle + channelsOut * after * (projected ? 2 : 1);
    all += inside;
    inputs += channelsIn * before;
    largest = Math.max(largest, inside);
  }
  return root + (remat ? inputs + largest : all);
}

/** Bytes that one more image adds to the peak of a float32 training step. */
export function trainBytesPerImage(architecture: Architecture, size: number): number {
  return 4 * workingShare * valuesPerImage(architecture, { size });
}

/**
 * Bytes that evaluating one image takes at the least: its pixels as bytes and as float32, and what the
 * first convolution gives at half the size, once more with its padding.
 */
export function evalBytesPerImage(
  { width }: Architecture,
  size: number,
  computeType: ComputeType = "float32",
): number {
  const narrow = computeType === "float32" ? 4 : 2;
  return (3 + 12) * size ** 2 + narrow * 2 * 64 * width * (size / 2) ** 2;
}

/** Memory in bytes that this process may still take: what is free, within its control group. */
export function availableMemoryBytes(): number {
  const cgroup = (file: string) => {
    try {
      return Number(readFileSync(`/sys/fs/cgroup/${file}`, "utf8"));
    } catch {
      return Number.NaN;
    }
  };
  const left = cgroup("memory.max") - cgroup("memory.current");
  const meminfo = (() => {
    try {
      const match = /MemAvailable:\s+(\d+) kB/.exec(readFileSync("/proc/meminfo", "utf8"));
      return match === null ? freemem() : Number(match[1]) * 1024;
    } catch {
      return freemem();
    }
  })();
  return Number.isFinite(left) ? Math.min(left, meminfo) : meminfo;
}

/** Whether each part of a batch can be divided evenly among so many devices. */
export function isSplit(batch: number, split: number, devices = 1): boolean {
  return batch % (split * devices) === 0;
}

/**
 * The least number of parts into which `batch` must be divided so that one part's training step fits
 * `budgetBytes`: a divisor of the batch.
 * @param options.devices devices that share each part evenly; the budget is that of one. Default: 1
 * @returns where nothing fits, or nothing can be shared evenly, the parts of one image a device
 */
export function fittingSplit(
  architecture: Architecture,
  options: Omit<TrainMemoryOptions, "microBatch" | "split"> & { readonly devices?: number },
  batch: number,
  budgetBytes: number,
): number {
  const { devices = 1 } = options;
  const most = Math.max(1, Math.floor(batch / devices));
  for (let split = 1; split < most; split++) {
    if (!isSplit(batch, split, devices)) continue;
    const microBatch = batch / split / devices;
    const needs = trainMemory(architecture, { ...options, microBatch, split });
    if (needs.total <= budgetBytes) return split;
  }
  return isSplit(batch, most, devices) ? most : 1;
}
