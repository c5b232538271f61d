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
import { type FineTuneOptions, resolveConfig } from "./options.js";
import { defaultPrecision } from "./precision.js";
import { resolveWeights } from "./starting-weights.js";
import { stoppingAll } from "./stop-together.js";
import { measureTogether } from "./time-together.js";
import { trainRun } from "./train-run.js";

/** What such a process needs. */
export interface Following {
  readonly wishes: FineTuneOptions;
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
  const { options, dataset, data, config, best } = await stoppingAll(joint, observer, async () => {
    const { agreed, ...own } = await prepared(following, false);
    const first = await agreed();
    if (!first.timed) return { ...own, ...first };
    await measureTogether({ config: first.config, dataset: own.dataset, engine, observer, joint });
    return { ...own, ...(await agreed()) };
  });
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

/**
 * Times a few steps with rank 0, of a run that is planned there. Nothing is fetched.
 * @throws UserError where the settings or data here are others than there
 */
export async function followDryRun(following: Following): Promise<void> {
  const { engine, observer, joint } = following;
  await stoppingAll(joint, observer, async () => {
    const { dataset, agreed } = await prepared(following, true);
    const { config } = await agreed();
    await measureTogether({ config, dataset, engine, observer, joint });
  });
}

/** This process's data, and how it comes to what rank 0 says is to be done with them. */
async function prepared({ wishes, engine, observer, joint }: Following, dry: boolean) {
  const { group, localRanks } = joint;
  const fetches = fetchEvents(observer);
  const offline = dry || wishes.offline;
  const found = await resolveWeights({ ...wishes, offline }, fetches);
  const options = { ...found, offline: wishes.offline };
  const workers = options.workers ?? availableParallelism();
  const policy = dataPolicy({ ...options, offline }, fetches, engine, workers, !dry);
  const seed = options.seed ?? 0;
  const dataset = await loadDataset({ ...options, ...policy, seed });
  const data = await fingerprintOf(dataset);
  // What changes no result may differ, and yet decides what the processes do together, as when they evaluate:
  // all do as rank 0 does.
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
    await confirmRun(group, announced, { config: { ...own, data: hashesOf(data) }, options });
    return announced;
  };
  return { options, dataset, data, agreed };
}

/** Nothing is written. */
const nothingToLock = {
  requireHeld(): void {
    throw new Error("a process of another rank than 0 writes nothing");
  },
  release: async (): Promise<void> => undefined,
};
