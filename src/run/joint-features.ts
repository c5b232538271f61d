/** A table of features that several processes make: each sees its share of the images, and all have all features. */
import { imageName, type Split } from "../data/dataset.js";
import { floats, type Session, SessionError } from "../engine/session.js";
import { featureChannels } from "../model/architecture.js";
import { featuresOfAll, shareRows } from "../step/feature-sharing.js";
import { openPredictImagesProgram, type Program, startImages } from "../step/program.js";
import { shareState } from "../step/share-state.js";
import { requireFiniteFeatures, shareOf } from "../train/evaluate.js";
import { requireSameGraph } from "./agree.js";
import {
  type FeatureObserver,
  type FeatureOptions,
  type FeatureTable,
  featuresOf,
} from "./feature-table.js";
import type { SeeingModel } from "./image-outcomes.js";
import type { Joint } from "./joint-run.js";
import { inPrecision } from "./precision.js";
import { defaultBatch, loadWeights } from "./trained-model.js";
import { unreadableImage } from "./unreadable-image.js";

/** Whose features they are; the weights are rank 0's, and undefined elsewhere. */
export type SharedModel = Omit<SeeingModel, "weights"> & { readonly weights: string | undefined };

/**
 * As `featuresOf`, by all processes together: rank 0 looks for the table in its cache, and keeps it there. Images that cannot
 * be decoded are refused.
 * @throws UserError as `featuresOf` does; RanksLost
 */
export async function jointFeatures(
  split: Split,
  model: SharedModel,
  options: FeatureOptions,
  joint: Joint,
  observer: FeatureObserver,
): Promise<FeatureTable> {
  const { group } = joint;
  const count = split.labels.length;
  const channels = featureChannels(model.architecture);
  const { weights } = model;
  const { size } = options;
  const own = Math.min(
    defaultBatch(model, size * size * joint.localRanks),
    Math.ceil(count / group.ranks),
  );
  // Their graphs are to be the same.
  const batch = Math.min(...((await group.share(own)) as readonly number[]));
  const pass: Pass = { split, model, options, joint, observer, batch };
  if (weights === undefined) {
    const [isKept] = await group.share(null);
    const values = await inProgram(pass, (program) =>
      isKept === true ? receivedTable(program, pass) : madeTable(program, pass),
    );
    return { count, channels, values, faults: new Map(), fromCache: isKept === true };
  }
  const made = async () => {
    await group.share(false);
    const values = await inProgram(pass, (program) => madeTable(program, pass));
    return { values, faults: new Map<number, string>() };
  };
  const seeing = { ...model, weights };
  const table = await featuresOf(split, seeing, { ...options, made }, joint.engine, observer);
  if (!table.fromCache) return table;
  await group.share(true);
  await inProgram(pass, (program) => receivedTable(program, pass, table.values));
  return table;
}

/** What is seen, and by whom. */
interface Pass {
  readonly split: Split;
  readonly model: SharedModel;
  readonly options: FeatureOptions;
  readonly joint: Joint;
  readonly observer: FeatureObserver;
  /** Images at a time, of each process. */
  readonly batch: number;
}

/** Opens the network in all processes. */
async function inProgram(
  { split, model, options, joint, batch }: Pass,
  work: (program: Program) => Promise<Float32Array>,
): Promise<Float32Array> {
  const { group, engine } = joint;
  const { size, workers, precision, resize = model.resize } = options;
  const target = inPrecision(engine.target, precision);
  // The head is not computed: the smallest will do.
  const network = { architecture: model.architecture, classes: 1, target };
  const how = { size, batch, workers, input: { resize }, place: group };
  const program = await openPredictImagesProgram(joint.open, network, split, how);
  try {
    await requireSameGraph(joint);
    return await work(program);
  } finally {
    program.session.close();
  }
}

async function madeTable(
  program: Program,
  { split, model, joint, observer, batch }: Pass,
): Promise<Float32Array> {
  const { session } = program;
  const { group } = joint;
  const { weights } = model;
  const total = split.labels.length;
  const channels = featureChannels(model.architecture);
  const values = new Float32Array(total * channels);
  if (weights !== undefined) await loadWeights(program, { ...model, weights }, true);
  await shareState(session, group);
  const indices = shareOf(total, batch, group);
  for (const name of program.pipelines.keys())
    await startImages(program, name, indices, new Int32Array(3 * indices.length));
  const rows = batch * group.ranks;
  for (let done = 0; done < total; done += rows) {
    const seen = floats(await nextFeatures(session, split, joint, indices));
    const end = Math.min(total, done + rows);
    const own = seen.subarray(0, (end - done) * channels);
    for (let i = done; i < end; i++) {
      const row = own.subarray((i - done) * channels, (i - done + 1) * channels);
      requireFiniteFeatures(weights ?? model.model, imageName(split.images, i), row);
    }
    values.set(own, done * channels);
    observer.progress?.(end, total);
    // Lets the process hear signals between the native calls.
    await new Promise(setImmediate);
  }
  return values;
}

async function nextFeatures(
  session: Session,
  { images }: Split,
  { engine }: Joint,
  indices: Int32Array,
) {
  try {
    return (await session.run({}, [featuresOfAll]))[0];
  } catch (error) {
    if (error instanceof SessionError && error.outOfMemory) throw error;
    const otherwise = "leave it out: --bad_images skip";
    throw (await unreadableImage(error, engine, [{ images, indices }], otherwise)) ?? error;
  }
}

/** @param own of rank 0: the table that all are to have */
async function receivedTable(
  { session }: Program,
  { split, model, joint, batch }: Pass,
  own?: Float32Array,
): Promise<Float32Array> {
  const channels = featureChannels(model.architecture);
  const values = new Float32Array(split.labels.length * channels);
  for (let at = 0; at < values.length; at += batch * channels) {
    const rows = new Float32Array(batch * channels);
    if (own !== undefined) rows.set(own.subarray(at, at + rows.length));
    const shared = await shareRows(session, joint.group, rows, [batch, channels]);
    values.set(shared.subarray(0, values.length - at), at);
    await new Promise(setImmediate);
  }
  return values;
}
