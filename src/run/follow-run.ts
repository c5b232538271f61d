/** The part that a process of another rank than 0 has in a run: it computes, and writes nothing. */
import { availableParallelism } from "node:os";
import { loadDataset } from "../data/datasets.js";
import type { Engine } from "../engine/session.js";
import type { FineTuneResult, RunObserver } from "../record/run-events.js";
import { runFolder } from "../record/run-folder.js";
import { RunSinks } from "../record/run-sinks.js";
import { announcedRun, confirmRun } from "./agree.js";
import { fingerprintOf, hashesOf } from "./data-fingerprint.js";
import { dataPolicy, fetchEvents } from "./fetching.js";
import type { Joint } from "./joint-run.js";
import { type ModelledOptions, resolveConfig } from "./options.js";
import { defaultPrecision } from "./precision.js";
import { measureTogether } from "./time-together.js";
import { trainRun } from "./train-run.js";

/** What such a process needs. */
export interface Following {
  readonly options: ModelledOptions;
  readonly engine: Engine;
  readonly observer: RunObserver;
  readonly joint: Joint;
}

/**
 * Trains with rank 0, from its state and as it says.
 * @throws UserError where the settings or data here are others than there
 */
export async function followRun(following: Following): Promise<FineTuneResult> {
  const begun = performance.now();
  const { engine, observer, joint } = following;
  const fetches = fetchEvents(observer);
  const workers = following.options.workers ?? availableParallelism();
  const policy = dataPolicy(following.options, fetches, engine, workers, true);
  const seed = following.options.seed ?? 0;
  const { group, localRanks } = joint;
  const dataset = await group.watch(loadDataset({ ...following.options, ...policy, seed }));
  const data = await group.watch(fingerprintOf(dataset));
  // What changes no result may differ, and yet decides what the processes do together, as when they evaluate:
  // all do as rank 0 does.
  const { options } = following;
  const { target } = engine;
  const machine = {
    ...{ cores: workers, precision: () => defaultPrecision(target), target },
    ...{ ranks: group.ranks, localRanks },
  };
  const agreed = async () => {
    const announced = await announcedRun(group);
    const { config } = announced;
    const stepsInTime = options.maxMinutes === undefined ? undefined : config.schedule.at(-1);
    const own = resolveConfig(config.name, options, dataset, { ...machine, stepsInTime }, config);
    await confirmRun(group, config, { ...own, data: hashesOf(data) });
    return announced;
  };
  let { config, best, timed } = await agreed();
  if (timed) {
    await measureTogether({ config, dataset, engine, observer, joint });
    ({ config, best, timed } = await agreed());
  }
  const folder = runFolder(options.logdir ?? "bit_logs", config.name);
  const events = new RunSinks(undefined, {}, [{ event: observer.event ?? (() => undefined) }]);
  const outcome = await trainRun({
    ...{ folder, config, dataset, data, resumed: undefined, engine, events, observer, joint },
    options: { ...options, save: false, tensorboard: false, report: false },
    lock: nothingToLock,
    bestSoFar: best ?? undefined,
  });
  return { folder, config, ...outcome, seconds: (performance.now() - begun) / 1000 };
}

/** Nothing is written. */
const nothingToLock = {
  requireHeld(): void {
    throw new Error("a process of another rank than 0 writes nothing");
  },
  release: async (): Promise<void> => undefined,
};
