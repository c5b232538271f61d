/**
 * Writing a checkpoint: complete or not there. All of it is written under a temporary name, flushed
 * and read back; the manifest comes last, and then the folder gets its name. Only after that does an
 * older checkpoint go.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { appendNpz } from "../archive/npz-stream.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { writeProblem } from "../disk/atomic-file.js";
import { freeBytesOf } from "../disk/disk-room.js";
import { exists } from "../disk/file-reading.js";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.js";
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import {
  type BestResult,
  type CheckpointFacts,
  type FileFacts,
  type Manifest,
  manifestVersion,
} from "../record/manifest.js";
import type { RunFolder } from "../record/run-folder.js";
import { readJson, versionedJson, writeJson } from "../record/versioned-json.js";
import type { EvaluationResult } from "../train/reports.js";
import type { Arrays, ByFile } from "./checkpoint.js";
import { type CheckpointPaths, checkpointAt, verifyCheckpoint } from "./checkpoint-folder.js";
import {
  prune,
  removeCheckpoint,
  removeContents,
  temporaryCheckpoint,
} from "./keep-checkpoints.js";
import { publish } from "./publish-checkpoint.js";

/** How a checkpoint is written. Tests play a disk that fails. */
export interface WriteOptions {
  /** How many of the newest are kept, besides the best. */
  readonly keep: number;
  readonly files?: FileSystem | undefined;
  readonly freeBytes?: ((folder: string) => Promise<number | undefined>) | undefined;
}

/**
 * Writes a checkpoint and makes `<run>/checkpoint.npz` mean it.
 * @param sizes bytes of the arrays' values
 * @throws UserError where the disk is full or refuses, or a value is not finite; the earlier
 *   checkpoints are whole then
 */
export async function writeCheckpoint(
  folder: RunFolder,
  facts: CheckpointFacts,
  state: ByFile<Arrays>,
  sizes: ByFile<number>,
  { keep, files = nodeFileSystem, freeBytes = freeBytesOf }: WriteOptions,
): Promise<void> {
  const target = checkpointAt(folder.checkpoints, facts.steps);
  const neededBytes = (await copies(folder)) * sizes.model + sizes.optimizer;
  requireRoom(folder, neededBytes, await freeBytes(folder.path));
  const made = temporaryCheckpoint(folder.checkpoints);
  try {
    await files.makeFolder(made.path);
    const manifest = await fill(made, facts, state, files);
    // Nothing but its own bytes tells whether the manifest is right, and the manifest all the rest.
    if (!manifest.equals(await readFile(made.manifest)))
      throw readBack(target, "manifest.json is not as it was written");
    const damage = await verifyCheckpoint(made);
    if ("reason" in damage) throw readBack(target, damage.reason);
    await removeCheckpoint(target, files);
    await files.rename(made.path, target.path);
  } catch (error) {
    await removeContents(made, files).catch(() => undefined);
    throw writeProblem(target.path, error);
  }
  try {
    await files.syncFolder(folder.checkpoints);
    await publish(folder.checkpoint, target, files);
  } catch (error) {
    throw writeProblem(folder.checkpoint, error);
  }
  await prune(folder.checkpoints, facts, keep, files);
}

/** Writes into a new folder: the two archives, the manifest last, whose bytes it returns. */
async function fill(
  made: CheckpointPaths,
  facts: CheckpointFacts,
  state: ByFile<Arrays>,
  files: FileSystem,
): Promise<Buffer> {
  const tensors: Record<string, Manifest["tensors"][string]> = {};
  const write = (path: string, arrays: Arrays) =>
    writeArchive(path, recorded(arrays, facts.steps, tensors), files);
  const archive = await write(made.archive, state.model);
  const optimizer = await write(made.optimizer, state.optimizer);
  const written = { version: manifestVersion, ...facts, archive, optimizer, tensors };
  const manifest = Buffer.from(versionedJson(written));
  await writeFile(made.manifest, files, (append) => append(manifest));
  await files.syncFolder(made.path);
  return manifest;
}

async function writeArchive(path: string, arrays: Arrays, files: FileSystem): Promise<FileFacts> {
  const hash = createHash("sha256");
  let bytes = 0;
  await writeFile(path, files, (append) =>
    appendNpz(path, arrays, async (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
      await append(chunk);
    }),
  );
  return { bytes, sha256: hash.digest("hex") };
}

async function writeFile(
  path: string,
  files: FileSystem,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = await files.create(path);
  try {
    await write((bytes) => file.write(bytes));
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Passes arrays on, and notes what the manifest says of them. */
async function* recorded(
  arrays: Arrays,
  steps: number,
  tensors: Record<string, Manifest["tensors"][string]>,
): AsyncGenerator<NamedArray> {
  for await (const { name, array } of arrays) {
    const { data, shape } = array;
    if (data instanceof Float32Array && !allFinite(data)) throw notFinite(name, steps);
    const values = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const sha256 = createHash("sha256").update(values).digest("hex");
    tensors[name] = { shape: [...shape], sha256 };
    yield { name, array };
  }
}

/** Whether every value is: any number times zero is zero, but for those that are not. */
function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0;
  return sum === 0;
}

function notFinite(name: string, steps: number): UserError {
  return new UserError(
    `the state after ${steps} steps`,
    `${name} holds values that are not finite`,
    "finite values: the training has diverged",
    "start anew with a lower --base_lr, or with --precision fp32; the earlier checkpoint is kept",
  );
}

// Headers and directory of the archive, and what a disk loses in whole blocks.
const spareShare = 1.05;
const spareBytes = 2 ** 20;

/**
 * How often a model is written until the next one is: twice where `checkpoint.npz` is no second name,
 * but a copy, and once more where `best.npz` may come to be one.
 */
async function copies({ checkpoint, best }: RunFolder): Promise<number> {
  const known = await stat(checkpoint).catch(() => undefined);
  if (known === undefined || known.nlink > 1) return 1;
  return (await exists(best)) ? 2 : 3;
}

function requireRoom(folder: RunFolder, sizeBytes: number, freeBytes: number | undefined): void {
  const neededBytes = spareShare * sizeBytes + spareBytes;
  if (freeBytes === undefined || neededBytes <= freeBytes) return;
  throw new UserError(
    folder.checkpoints,
    `no room for the next checkpoint: its disk has ${sizeText(freeBytes)} free`,
    `${sizeText(neededBytes)}; the earlier checkpoints are whole`,
    `free ${sizeText(neededBytes - freeBytes)}, then type the same command again: the run goes on`,
  );
}

function readBack({ path }: CheckpointPaths, reason: string): UserError {
  return new UserError(
    path,
    `what was written does not read back: ${reason}`,
    "a disk that keeps what it is given; the earlier checkpoints are kept",
    "check the disk, or choose another with --logdir",
  );
}

/**
 * Adds to a checkpoint's manifest the evaluation that came after it, and makes `<run>/best.npz` mean
 * it where it is the best; does nothing where there is no such checkpoint.
 */
export async function addValidation(
  folder: RunFolder,
  steps: number,
  validation: EvaluationResult,
  best: BestResult | undefined,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  const paths = checkpointAt(folder.checkpoints, steps);
  const known = await readJson(paths.manifest, manifestVersion);
  if (known === undefined) return;
  // First the name: where the manifest is not told, the evaluation is made again.
  if (best?.step === steps) {
    try {
      await publish(folder.best, paths, files);
    } catch (error) {
      throw writeProblem(folder.best, error);
    }
  }
  await writeJson(paths.manifest, { ...known, validation, best: best ?? null }, files);
}
