/** How large and how long the benchmark's tasks are. */
import { availableParallelism } from "node:os";
import type { PhotoSet } from "./photos.js";
import type { StepSize } from "./step-subject.js";

/** A whole fine-tuning of photos of 500 x 375 pixels, which are resized whole, cropped and mirrored. */
export interface FineTuningSize {
  /** To train on, and to evaluate on; the latter whole batches. */
  readonly photos: number;
  readonly heldOut: number;
  readonly batch: number;
  readonly resizeTo: number;
  readonly crop: number;
  readonly steps: number;
  readonly evalEvery: number;
}

export interface BenchSizes {
  readonly model: string;
  readonly batch: number;
  /** Pixels of an image's side. */
  readonly resolution: number;
  readonly classes: number;
  /** How often all rows are measured in turn, so that a slow minute of the machine meets all. */
  readonly rounds: number;
  /** No further round begins that would probably end later than this after the start. */
  readonly limitMs: number;
  /** As `limitMs`, where PyTorch is measured. */
  readonly torchLimitMs: number;
  /** As `limitMs`, where the rows that take long are measured too: those that have rounds are to have them. */
  readonly allLimitMs: number;
  /** How long the benchmark waits in all for other programs to leave the machine alone. */
  readonly patienceMs: number;
  /** Timed steps a round of the traced graph and of PyTorch. */
  readonly trainSteps: number;
  readonly evalSteps: number;
  /** Timed training steps a round of eager code, which is slow. */
  readonly eagerSteps: number;
  /** Classes of the archive that is read; as many as ImageNet-21k has. */
  readonly archiveClasses: number;
  readonly archiveReads: number;
  readonly cifar: {
    readonly imagesPerFile: number;
    readonly resizeTo: number;
    readonly crop: number;
  };
  readonly photos: {
    readonly sets: readonly PhotoSet[];
    readonly resizeTo: number;
    readonly crop: number;
  };
  /** Further sizes and models of a step that are held against PyTorch's, with --all. */
  readonly otherSizes: readonly StepSize[];
  readonly fineTuning: FineTuningSize;
  /** Timed windows a round of an input pipeline. */
  readonly windows: number;
  readonly growth: {
    readonly steps: number;
    readonly batches: readonly number[];
    readonly resolutions: readonly number[];
    readonly models: readonly string[];
    /** The batch at which resolutions and models are compared. */
    readonly batch: number;
  };
}

/** The sizes for which the targets are set. */
export const fullSizes: BenchSizes = {
  model: "R50x1",
  batch: 32,
  resolution: 128,
  classes: 10,
  rounds: 2,
  limitMs: 6 * 60_000,
  torchLimitMs: 18 * 60_000,
  allLimitMs: 180 * 60_000,
  patienceMs: 5 * 60_000,
  trainSteps: 3,
  evalSteps: 6,
  eagerSteps: 2,
  archiveClasses: 21_843,
  archiveReads: 4,
  cifar: { imagesPerFile: 1000, resizeTo: 160, crop: 128 },
  photos: {
    sets: [
      { width: 500, height: 375, count: 64 },
      { width: 1600, height: 1200, count: 64 },
    ],
    resizeTo: 512,
    crop: 480,
  },
  otherSizes: [
    { model: "R50x1", batch: 8, resolution: 128 },
    { model: "R50x1", batch: 64, resolution: 128 },
    { model: "R50x1", batch: 32, resolution: 224 },
    { model: "R50x1", batch: 8, resolution: 480 },
    { model: "R101x1", batch: 32, resolution: 128 },
    { model: "R50x3", batch: 8, resolution: 128 },
  ],
  fineTuning: {
    ...{ photos: 1000, heldOut: 192, batch: 32, resizeTo: 160, crop: 128 },
    ...{ steps: 200, evalEvery: 100 },
  },
  windows: 5,
  growth: {
    steps: 3,
    batches: [8, 16, 32, 64],
    resolutions: [64, 128, 224, 480],
    models: ["R50x1", "R101x1", "R50x3"],
    batch: 8,
  },
};

/** A tiny model and few steps: shows that everything runs, not how fast. */
export const quickSizes: BenchSizes = {
  model: "R14x0.5",
  batch: 2,
  resolution: 32,
  classes: 10,
  rounds: 1,
  limitMs: 60_000,
  torchLimitMs: 60_000,
  allLimitMs: 60_000,
  patienceMs: 0,
  trainSteps: 2,
  evalSteps: 2,
  eagerSteps: 1,
  archiveClasses: 100,
  archiveReads: 2,
  cifar: { imagesPerFile: 20, resizeTo: 40, crop: 32 },
  photos: {
    sets: [
      { width: 50, height: 40, count: 8 },
      { width: 160, height: 120, count: 8 },
    ],
    resizeTo: 64,
    crop: 48,
  },
  otherSizes: [{ model: "R14x0.5", batch: 4, resolution: 48 }],
  fineTuning: {
    ...{ photos: 8, heldOut: 4, batch: 2, resizeTo: 40, crop: 32 },
    ...{ steps: 4, evalEvery: 2 },
  },
  windows: 2,
  growth: {
    steps: 1,
    batches: [2, 4],
    resolutions: [32, 48],
    models: ["R14x0.5", "R26x0.5"],
    batch: 2,
  },
};

/**
 * Batches in a timed window of an input pipeline: some for every core, since each of PyTorch's
 * workers prepares a batch of its own and several come ready at once.
 */
export function windowBatches(each: number): number {
  return each * availableParallelism();
}
