/**
 * The BiT-HyperRule: which schedule, resolution and mixup a task is fine-tuned with, from nothing
 * but the size of its training set and of its images.
 *
 * Source: Kolesnikov et al., "Big Transfer (BiT): General Visual Representation Learning", section
 * 3.3, and the official `bit_hyperrule.py` of google-research/big_transfer, whose numbers these are.
 */

/** To what square size images are brought, in pixels. */
export interface Resolution {
  /** Side to which a training image is resized before it is cropped. */
  readonly precrop: number;
  /** Side of the random crop in training, and of the whole resized image in evaluation. */
  readonly crop: number;
}

/** The official rule's learning rate after warm-up, for a batch of 512. */
export const BASE_LEARNING_RATE = 0.003;

/**
 * Learning rate after warm-up for a head on features that stay as they are. Of the rates 0.003, 0.01, 0.03,
 * ... 3 the lowest that comes within a point of a converged logistic regression on each of three sets: see
 * docs/runs.md.
 */
export const HEAD_LEARNING_RATE = 0.1;

/** Typical `[height, width]` of the images of datasets known by name, as the official rule has it. */
export const KNOWN_DATASET_SIZES: Readonly<
  Record<string, readonly [height: number, width: number]>
> = {
  cifar10: [32, 32],
  cifar100: [32, 32],
  oxford_iiit_pet: [224, 224],
  oxford_flowers102: [224, 224],
  imagenet2012: [224, 224],
};

/** Below this area, in pixels, images count as small. */
const SMALL_IMAGE_AREA = 96 * 96;
const SMALL_TRAIN_SIZE = 20_000;
const LARGE_TRAIN_SIZE = 500_000;

/**
 * The resolution for images of a typical size.
 * @param typicalSize `[height, width]` in pixels, as stored
 */
export function getResolution(typicalSize: readonly [height: number, width: number]): Resolution {
  const [height, width] = typicalSize;
  return height * width < SMALL_IMAGE_AREA
    ? { precrop: 160, crop: 128 }
    : { precrop: 512, crop: 480 };
}

/**
 * The parameter of mixup's Beta(alpha, alpha), or undefined where the rule uses no mixup.
 * @param trainSize number of training images
 */
export function getMixupAlpha(trainSize: number): number | undefined {
  return trainSize < SMALL_TRAIN_SIZE ? undefined : 0.1;
}

/**
 * The steps at which the learning rate changes: the end of the warm-up, the drops, and the end of
 * training.
 * @param trainSize number of training images
 * @returns five supports, in steps, increasing
 */
export function getSchedule(trainSize: number): readonly number[] {
  if (trainSize < SMALL_TRAIN_SIZE) return [100, 200, 300, 400, 500];
  if (trainSize < LARGE_TRAIN_SIZE) return [500, 3000, 6000, 9000, 10_000];
  return [500, 6000, 12_000, 18_000, 20_000];
}

/**
 * The learning rate of a step: linear warm-up from 0, then a tenth after each support that lies
 * strictly before the step (a support's own step is still trained at the higher rate, as in the
 * official rule).
 * @param step 0 is the first
 * @param schedule as `getSchedule` gives it: warm-up's end, drops, training's end
 * @param baseLr rate after warm-up
 * @returns the rate, or undefined when training is over, so that the schedule also ends the loop
 */
export function getLearningRate(
  step: number,
  schedule: readonly number[],
  baseLr: number,
): number | undefined {
  const warmupEnd = schedule[0];
  const trainingEnd = schedule.at(-1);
  if (warmupEnd === undefined || trainingEnd === undefined || step >= trainingEnd) return undefined;
  if (step < warmupEnd) return (baseLr * step) / warmupEnd;
  let rate = baseLr;
  for (const support of schedule.slice(1)) if (support < step) rate /= 10;
  return rate;
}

/**
 * A schedule stretched or shortened to another number of steps: each support in proportion, the
 * warm-up's end included, rounded to whole steps, ending at exactly `totalSteps`.
 *
 * Rounding may bring supports together in a very short run. They are kept strictly increasing as
 * long as the run has room for all of them (`totalSteps >= schedule.length - 1`); a shorter run
 * loses its latest drops. A warm-up that rounds to 0 steps means that the first step is already
 * made at the full rate.
 * @param schedule as `getSchedule` gives it
 * @param totalSteps where training is to end, an integer >= 1
 * @returns as many supports as `schedule` has
 * @throws RangeError if `totalSteps` is not an integer >= 1
 */
export function scaleSchedule(schedule: readonly number[], totalSteps: number): readonly number[] {
  if (!Number.isInteger(totalSteps) || totalSteps < 1)
    throw new RangeError(`totalSteps must be an integer >= 1, got ${totalSteps}`);
  const trainingEnd = schedule.at(-1);
  if (trainingEnd === undefined) return [];
  const scaled: number[] = [];
  for (const support of schedule) {
    const rounded = Math.round((support * totalSteps) / trainingEnd);
    const previous = scaled.at(-1);
    const increasing = previous === undefined ? rounded : Math.max(rounded, previous + 1);
    scaled.push(Math.min(totalSteps, increasing));
  }
  scaled[scaled.length - 1] = totalSteps;
  if (totalSteps >= schedule.length - 1)
    for (let i = scaled.length - 2; i >= 0; i--)
      scaled[i] = Math.min(scaled[i]!, scaled[i + 1]! - 1);
  return scaled;
}
