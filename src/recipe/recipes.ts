/** The recipes to choose from: a batch, a learning rate and a schedule. All else is the same. */
import { UserError } from "../errors.js";
import { BASE_LEARNING_RATE, getSchedule, HEAD_LEARNING_RATE } from "./hyperrule.js";

export interface Recipe {
  /** Examples a step. */
  readonly batch: number;
  /** Learning rate after the warm-up. */
  readonly baseLr: number;
  /** The same where the head alone is trained. */
  readonly headLr: number;
  /** From the number of training images to the supports of `getLearningRate`. */
  readonly schedule: (trainSize: number) => readonly number[];
}

export const recipeNames = ["hyperrule", "paddle"] as const;
/**
 * The official recipe, or the PaddlePaddle port's.
 * @useDeclaredType
 */
export type RecipeName = (typeof recipeNames)[number];

export const recipes: Readonly<Record<RecipeName, Recipe>> = {
  hyperrule: {
    ...{ batch: 512, baseLr: BASE_LEARNING_RATE, schedule: getSchedule },
    headLr: HEAD_LEARNING_RATE,
  },
  paddle: {
    ...{ batch: 128, baseLr: 0.001, schedule: getPaddleSchedule },
    headLr: HEAD_LEARNING_RATE,
  },
};

/**
 * The schedule of the PaddlePaddle port: its drops count from the warm-up's end, and take effect at
 * their own step. For CIFAR the steps from 3500, 6500 and 9500 on are trained at a lower rate, where
 * the official rule has it from 3001, 6001 and 9001 on.
 *
 * Source: bit_paddle/train.py of GuoQuanhao/big_transfer (StepDecay within LinearWarmup), and its
 * published logs.
 */
export function getPaddleSchedule(trainSize: number): readonly number[] {
  const official = getSchedule(trainSize);
  const [warmupEnd, first, second] = official as [number, number, number];
  const between = second - first;
  // `getLearningRate` drops after a support, not at it.
  const drops = [1, 2, 3].map((i) => warmupEnd + i * between - 1);
  return [warmupEnd, ...drops, official.at(-1)!];
}

/** @throws UserError where there is no recipe of this name */
export function recipeOf(name: string): Recipe {
  const found = recipeNames.find((known) => known === name);
  if (found !== undefined) return recipes[found];
  throw new UserError(
    "--recipe",
    name,
    recipeNames.join(" or "),
    "leave it out for the BiT-HyperRule",
  );
}
