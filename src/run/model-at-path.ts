/** What a path means where a model is asked for: a run, one of its checkpoints, or an archive alone. */
import { basename, dirname, join, resolve } from "node:path";
import {
  type CheckpointPaths,
  checkpointAt,
  checkpointPaths,
  listCheckpoints,
} from "../checkpoint/checkpoint-folder.js";
import { exists, isFolder } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { exportedArchive } from "../record/export-folder.js";
import { manifestVersion, parseManifest } from "../record/manifest.js";
import { type RunFolder, runFolderAt } from "../record/run-folder.js";
import { readJson } from "../record/versioned-json.js";
import { correctRun } from "../report/near-runs.js";
import { hubWeights } from "../zoo/hub-folder.js";

export interface ModelAtPath {
  /** The archive of its weights. */
  readonly archive: string;
  /** The run that it belongs to; undefined where the archive is all there is. */
  readonly folder: RunFolder | undefined;
}

/** Whether a folder is a run's, or one of a run's checkpoints. */
export async function isRunFolder(path: string): Promise<boolean> {
  const { archive, manifest } = checkpointPaths(path);
  if (await exists(runFolderAt(path).config)) return true;
  return (await exists(archive)) && (await exists(manifest));
}

/**
 * Finds a model's archive, and the run that it belongs to: a run's folder stands for its newest
 * checkpoint, and `checkpoint.npz`, `best.npz` and `checkpoints/<steps>` in it belong to the run.
 * @param best the run's best checkpoint instead of its newest
 * @throws UserError where a folder is neither a run's nor a checkpoint's, or has saved nothing
 */
export async function modelAtPath(source: string, best = false): Promise<ModelAtPath> {
  const isDirectory = await isFolder(source);
  const path = resolve(source);
  const folder = runFolderAt(path);
  // A run's folder and the Hub's both have a config.json; the Hub's has safetensors beside it.
  const hub =
    isDirectory && !(await exists(folder.checkpoint)) ? await hubWeights(path) : undefined;
  if (hub !== undefined && !best) return { archive: hub, folder: undefined };
  if (isDirectory && hub === undefined && (await exists(folder.config))) return ofRun(folder, best);
  if (best) {
    throw new UserError(
      source,
      "is not a run's folder",
      "the folder <logdir>/<name> of a run, whose best checkpoint --best means",
      "give the run's folder, or leave --best out",
    );
  }
  return isDirectory ? ofCheckpoint(source, path) : ofArchive(source, path);
}

async function ofRun(folder: RunFolder, best: boolean): Promise<ModelAtPath> {
  if (best) return { folder, archive: await bestArchive(folder) };
  if (await exists(folder.checkpoint)) return { folder, archive: folder.checkpoint };
  throw new UserError(
    folder.checkpoint,
    "there is no such file: the run has not saved yet, or was made with --no-save",
    "the checkpoint of a run",
    "train with saving on, or give another run",
  );
}

async function ofCheckpoint(source: string, path: string): Promise<ModelAtPath> {
  const { archive } = checkpointPaths(path);
  if (await exists(archive)) return { folder: await runAbove(path), archive };
  const exported = await exportedArchive(path);
  if (exported !== undefined) return { folder: undefined, archive: exported };
  throw new UserError(
    source,
    "no run's folder: config.json is not in it, nor is it one of a run's checkpoints",
    "the folder <logdir>/<name> of a run, one of its checkpoints/<steps>, an .npz, or safetensors",
    await correctRun(source),
  );
}

async function ofArchive(source: string, path: string): Promise<ModelAtPath> {
  const around = dirname(path);
  const folder = runFolderAt(around);
  if ([folder.checkpoint, folder.best].includes(path) && (await exists(folder.config)))
    return { folder, archive: source };
  const checkpoint = checkpointPaths(around);
  if (path === checkpoint.archive) return { folder: await runAbove(around), archive: source };
  if (path === checkpoint.optimizer && (await exists(checkpoint.archive)))
    throw optimizerAlone(source, checkpoint);
  return { folder: undefined, archive: source };
}

/** The run of which a folder is a checkpoint, where that is told by where it lies. */
async function runAbove(checkpoint: string): Promise<RunFolder | undefined> {
  const folder = runFolderAt(dirname(dirname(checkpoint)));
  const isKept = dirname(checkpoint) === folder.checkpoints && /^\d+$/.test(basename(checkpoint));
  return isKept && (await exists(folder.config)) ? folder : undefined;
}

function optimizerAlone(source: string, { archive }: CheckpointPaths): UserError {
  return new UserError(
    source,
    "the optimizer's state, with which a run goes on: no model",
    "the model that lies beside it, checkpoint.npz",
    `give ${join(dirname(source), basename(archive))}`,
  );
}

/** Where the archive of a run's best evaluation lies. Runs of earlier versions have no `best.npz`. */
async function bestArchive(folder: RunFolder): Promise<string> {
  if (await exists(folder.best)) return folder.best;
  for (const steps of await listCheckpoints(folder.checkpoints)) {
    const { manifest } = checkpointAt(folder.checkpoints, steps);
    const best = parseManifest(await readJson(manifest, manifestVersion))?.best;
    if (best === undefined || best === null) continue;
    const { archive } = checkpointAt(folder.checkpoints, best.step);
    if (await exists(archive)) return archive;
  }
  throw new UserError(
    folder.path,
    "no checkpoint of it is known as the best: none was evaluated after it was saved",
    "a run that has evaluated and saved",
    "leave --best out: its newest checkpoint is taken",
  );
}
