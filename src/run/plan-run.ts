/** What a run is to do, found out before anything of it is written. */
import { availableParallelism } from "node:os";
import { findCheckpoint } from "../checkpoint/find-checkpoint.js";
import type { LoadDataset } from "../data/dataset-loads.js";
import { loadDataset } from "../data/datasets.js";
import { exists } from "../disk/file-reading.js";
import { wholeSizeText } from "../disk/size-text.js";
import type { Engine } from "../engine/session.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { parseArchitecture } from "../model/architecture.js";
import { type KnownConfig, readConfig } from "../record/run-config.js";
import type { RunObserver } from "../record/run-events.js";
import { type RunFolder, requirePlace } from "../record/run-folder.js";
import { requireActing } from "../settings/idle-settings.js";
import { availableMemoryBytes } from "../step/memory.js";
import { modelBytes, zooModel } from "../zoo/models.js";
import { checkAnew } from "./begin-anew.js";
import { fingerprintOf, hashesOf } from "./data-fingerprint.js";
import { describeComputing } from "./describe-plan.js";
import { ensureWeights, requireWeights } from "./ensure-weights.js";
import { dataPolicy, type FetchConsole, fetchEvents } from "./fetching.js";
import { requireFeatureMemory } from "./frozen-choices.js";
import type { Joint } from "./joint-run.js";
import { type ModelledOptions, resolveConfig } from "./options.js";
import { defaultPrecision } from "./precision.js";
import type { Run } from "./run-progress.js";
import { changedFreely, checkSameRun } from "./same-run.js";
import { lengthOfBegun } from "./time-limit.js";

/** What a run is to do, resolved before any file of it is written. */
export type RunPlan = Pick<Run, "dataset" | "data" | "config" | "resumed"> & {
  /** What is to be said in its log. */
  readonly notes: readonly string[];
};

/** What a plan is made of. */
export interface Planned {
  readonly name: string;
  readonly folder: RunFolder;
  readonly options: ModelledOptions;
  readonly engine: Engine;
  readonly observer: RunObserver;
  /** Steps that fit `--max_minutes`; default: those that the run was begun with, else the recipe's. */
  readonly stepsInTime?: number | undefined;
  /** Fetches and keeps nothing: no weights, no dataset, no findings about images. */
  readonly dry?: boolean;
  /** Loads the dataset; default `loadDataset`. */
  readonly load?: LoadDataset | undefined;
  /** Where several processes train together; this is rank 0. */
  readonly joint?: Joint | undefined;
}

/** What a run's settings come to on its data, beside what its `config.json` says. */
export interface SettledRun extends Pick<RunPlan, "dataset" | "data" | "config"> {
  /** Undefined where there is no such run yet. */
  readonly known: KnownConfig | undefined;
}

/**
 * Loads the data, and resolves every choice.
 * @throws UserError where the input is at fault
 */
export async function settleRun({
  name,
  folder,
  options,
  engine,
  observer,
  stepsInTime,
  dry = false,
  load = loadDataset,
  joint,
}: Planned): Promise<SettledRun> {
  // Where graphs cannot be handed over (TMPDIR), that is told before anything is read or written.
  engine.open(new GraphBuilder().build()).close();
  // So is what needs no data, which may have to be fetched.
  requireActing("train", options);
  await requirePlace(folder);
  await requireWeights(options, folder);
  const cores = availableParallelism();
  const fetches = fetchEvents(observer);
  const workers = options.workers ?? cores;
  const offline = dry || options.offline;
  const policy = dataPolicy({ ...options, offline }, fetches, engine, workers, !dry);
  const dataset = await load({ ...options, ...policy, seed: options.seed ?? 0 });
  const data = await fingerprintOf(dataset);
  const known = await readConfig(folder.config);
  const { target } = engine;
  const steps = stepsInTime ?? (await lengthOfBegun(options, folder));
  const machine = {
    ...{ cores, precision: () => defaultPrecision(target), target, stepsInTime: steps },
    ...(joint && { ranks: joint.group.ranks, localRanks: joint.localRanks }),
  };
  const resolved = resolveConfig(name, options, dataset, machine, known);
  // What it is to be computed by is not there: that too is told before anything is written.
  describeComputing(resolved, target);
  const { freeze, trainSize, valSize, model } = resolved;
  const hostBytes = availableMemoryBytes() / (joint?.localRanks ?? 1);
  if (freeze)
    requireFeatureMemory(parseArchitecture(model), trainSize + valSize, target, hostBytes);
  return { dataset, data, known, config: { ...resolved, data: hashesOf(data) } };
}

/**
 * Plans a run, or how it goes on.
 * @throws UserError where the input is at fault
 */
export async function planRun(planned: Planned): Promise<RunPlan> {
  const { dataset, data, known, config } = await settleRun(planned);
  const { folder, options, dry = false } = planned;
  const fetches = fetchEvents(planned.observer);
  const notes = [...(dataset.notes ?? [])];
  const resumed = await findCheckpoint(folder, (line) => notes.push(line));
  const { force = false } = options;
  if (resumed === undefined) {
    const anew = await checkAnew(folder, known, config, force);
    if (anew !== undefined) notes.push(anew);
    const note = dry
      ? await lookAtWeights(config, options, fetches)
      : await ensureWeights(config, options, fetches);
    if (note !== undefined) notes.push(note);
  } else {
    const changed = checkSameRun(folder, known, resumed, config, force);
    if (changed.length > 0) notes.push(`Going on all the same (--force): ${changed.join("; ")}`);
    const freely = known === undefined ? [] : changedFreely(known, config);
    if (freely.length > 0) notes.push(`Changed, but not the result: ${freely.join("; ")}`);
    const { batchSplit = config.split } = options;
    if (batchSplit !== config.split)
      notes.push(
        `Going on with a batch in ${config.split} parts, as the run did, not in --batch_split ${batchSplit}`,
      );
  }
  return { dataset, data, config, resumed, notes };
}

/** Weights that are here are looked over, as for a run; those that a run would fetch are told. */
async function lookAtWeights(
  config: RunPlan["config"],
  options: ModelledOptions,
  fetches: FetchConsole,
): Promise<string | undefined> {
  const model = options.weights === undefined ? zooModel(config.model) : undefined;
  const isHere = config.weights === null || (await exists(config.weights));
  if (isHere || options.offline === true || model === undefined)
    return ensureWeights(config, { ...options, offline: true }, fetches);
  return `The run will download ${model.name} (${wholeSizeText(modelBytes(model))}) to ${config.weights}`;
}

/** `cifar10_BiT-M-R50x1_20200729-101432`, in local time. */
export function defaultName({ dataset, model }: ModelledOptions): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString();
  const time = local.slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  const data = dataset
    .replace(/[/\\]+$/, "")
    .replace(/^.*[/\\]/, "")
    .replace(/\.csv$|[*?[\]{}]/g, "");
  return `${data}_${model}_${time}`;
}
