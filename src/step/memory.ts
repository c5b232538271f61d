/** How much memory a training step needs, so that a batch can be split to fit. */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { type Architecture, unitSpecs } from "../model/architecture.js";

/**
 * Bytes that one image of `size` x `size` pixels takes while a float32 training step holds its
 * activations: per unit its input, two bottleneck convolutions' results, each normalized, and its
 * output, and a share for what the backward pass and the engine's own buffers hold at a time.
 * Compared with measured peaks in bench/.
 */
export function trainBytesPerImage(architecture: Architecture, size: number): number {
  const channels = 64 * architecture.width;
  // Root: convolution at half size, padded copy, pooled result.
  let values = channels * (size / 2) ** 2 * 2.25;
  let side = size / 4;
  for (const { channelsIn, channelsMid, channelsOut, stride, projected } of unitSpecs(
    architecture,
  )) {
    const before = side ** 2;
    side /= stride;
    const after = side ** 2;
    values += channelsIn * before + channelsMid * (2 * before + 2 * after);
    values += channelsOut * after * (projected ? 2 : 1);
  }
  return 4 * values * backwardShare;
}

const backwardShare = 1.35;

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

/**
 * The least number of parts into which `batch` must be divided so that one part's step fits
 * `budgetBytes`: a divisor of the batch.
 */
export function fittingSplit(
  architecture: Architecture,
  size: number,
  batch: number,
  budgetBytes: number,
): number {
  const perImage = trainBytesPerImage(architecture, size);
  for (let split = 1; split < batch; split++) {
    if (batch % split === 0 && (batch / split) * perImage <= budgetBytes) return split;
  }
  return batch;
}
