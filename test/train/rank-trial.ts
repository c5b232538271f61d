/**
 * One of several processes that train together, as a test starts it: `rank ranks ports...`, with what to train in
 * `TRIAL`. Prints what it came to.
 */
import { createHash } from "node:crypto";
import type { WireType } from "../../src/graph/collectives.js";
import { parseArchitecture } from "../../src/model/architecture.js";
import type { RankPlace } from "../../src/ranks/rank-place.js";
import { inPrecision } from "../../src/run/precision.js";
import type { Precision } from "../../src/settings/choices.js";
import { openTrainProgram } from "../../src/step/program.js";
import { shareState } from "../../src/step/share-state.js";
import { readVariables } from "../../src/step/variables.js";
import { train } from "../../src/train/train.js";
import type { TrainPlan } from "../../src/train/train-plan.js";
import { engine } from "../engine-for-tests.js";
import { dataset } from "../run/tiny-training.js";
import { assignInitial } from "./random-start.js";
import { asRank } from "./rank-processes.js";

/** What a trial trains. */
export interface Trial {
  readonly split: number;
  readonly mixupAlpha?: number;
  readonly precision?: Precision;
  readonly wire?: WireType;
  readonly steps: number;
  /** Steps after which rank 1, or the only process, wants to stop. */
  readonly stopAt?: number;
}

/** What a process came to. */
export interface TrialResult {
  readonly losses: readonly number[];
  readonly steps: number;
  /** Of all variables, momentum included. */
  readonly hash: string;
  readonly validation: unknown;
}

/**
 * Trains as one of `place.ranks` processes.
 * @param target of the sessions that are opened
 */
export async function runTrial(
  trial: Trial,
  open: typeof engine.open,
  place: RankPlace,
  target = engine.target,
): Promise<TrialResult> {
  const { steps, split, mixupAlpha, stopAt = Infinity } = trial;
  const plan: TrainPlan = {
    ...{ seed: 3, batch: 8, split, baseLr: 0.0005, mixupAlpha, evalBatch: 4, evalEvery: undefined },
    ...{
      schedule: [2, steps],
      resolution: { precrop: 20, crop: 16 },
      flip: true,
      saveEvery: undefined,
    },
  };
  const network = {
    architecture: parseArchitecture("R14x0.5"),
    classes: dataset.classNames.length,
    target: inPrecision(target, trial.precision ?? "fp32"),
  };
  const program = await openTrainProgram(open, network, dataset, {
    ...{ resolution: plan.resolution, microBatch: plan.batch / split, split, workers: 1 },
    ...{ mixup: mixupAlpha !== undefined, evalBatch: plan.evalBatch, place },
    wire: trial.wire,
  });
  const { session, variables, optimizerState } = program;
  await session.run({}, ["train/initialize"]);
  // Others begin with nothing, and are given what rank 0 has.
  if (place.rank === 0) await assignInitial(program);
  if (place.ranks > 1) await shareState(session, place);
  const losses: number[] = [];
  const start = { step: 0, evaluated: false };
  const outcome = await train(program, dataset, plan, start, {
    step: ({ loss }) => losses.push(loss),
    validation: () => undefined,
    save: async () => undefined,
    interrupted: () => place.rank === place.ranks - 1 && losses.length >= stopAt,
  });
  const hash = createHash("sha256");
  for await (const [, values] of readVariables(session, [...variables, ...optimizerState]))
    hash.update(values);
  session.close();
  return {
    ...{ losses, steps: outcome.steps, hash: hash.digest("hex") },
    validation: outcome.validation,
  };
}

if (process.env["TRIAL"] !== undefined) {
  const { place, cluster, trial } = asRank<Trial>();
  console.log(JSON.stringify(await runTrial(trial, cluster.open, place)));
}
