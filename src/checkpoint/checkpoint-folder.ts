/** A run's checkpoints, `<run>/checkpoints/<steps>/`: their names, and whether one is whole. */
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileHash } from "../disk/file-hash.js";
import { readError } from "../disk/file-reading.js";
import { systemErrorCode, UserError } from "../errors.js";
import {
  type FileFacts,
  type Manifest,
  manifestVersion,
  parseManifest,
} from "../record/manifest.js";
import { notJson, readJson } from "../record/versioned-json.js";

/** Paths of one checkpoint. */
export interface CheckpointPaths {
  readonly path: string;
  /** The model: what other tools load. */
  readonly archive: string;
  /** What the run needs besides to go on: the optimizer's state and the position. */
  readonly optimizer: string;
  readonly manifest: string;
}

/** The paths in a checkpoint's folder, which may bear a temporary name. */
export function checkpointPaths(path: string): CheckpointPaths {
  return {
    path,
    archive: join(path, "checkpoint.npz"),
    optimizer: join(path, "optimizer.npz"),
    manifest: join(path, "manifest.json"),
  };
}

/** The paths of the checkpoint after so many steps: `<checkpoints>/00000500/`. */
export function checkpointAt(checkpoints: string, steps: number): CheckpointPaths {
  return checkpointPaths(join(checkpoints, String(steps).padStart(8, "0")));
}

/** The steps of the checkpoints that lie in a folder, the newest first; whole or not. */
export async function listCheckpoints(checkpoints: string): Promise<number[]> {
  const names = await namesIn(checkpoints);
  const steps = names.filter((name) => /^\d{8,}$/.test(name)).map(Number);
  return steps.sort((a, b) => b - a);
}

/** The names in a folder; none where it is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw readError(folder, error, "check the folder and its permissions");
  }
}

/** Why a checkpoint cannot be used, in a few words for people. */
export type Damage = { readonly reason: string };

/**
 * Reads a checkpoint's archives from end to end and compares them with its manifest.
 * @returns the manifest where all of it is as it was written
 * @throws UserError where it is of a newer version, or the system does not let it be read
 */
export async function verifyCheckpoint(paths: CheckpointPaths): Promise<Manifest | Damage> {
  try {
    const json = await readJson(paths.manifest, manifestVersion);
    if (json === undefined) return { reason: "manifest.json is missing" };
    const manifest = parseManifest(json);
    if (manifest === undefined) return { reason: "manifest.json is damaged" };
    const reason =
      (await fileDamage(paths.path, paths.archive, manifest.archive)) ??
      (manifest.version === 1
        ? undefined
        : await fileDamage(paths.path, paths.optimizer, manifest.optimizer));
    return reason === undefined ? manifest : { reason };
  } catch (error) {
    if (error instanceof UserError && error.where === paths.manifest && error.got === notJson)
      return { reason: "manifest.json is damaged" };
    throw error;
  }
}

/** In what a checkpoint's file differs from what was written; undefined where it does not. */
async function fileDamage(
  checkpoint: string,
  path: string,
  { bytes, sha256 }: FileFacts,
): Promise<string | undefined> {
  const name = basename(path);
  try {
    const { size } = await stat(path);
    if (size !== bytes) return `${name} has ${size} bytes, where ${bytes} were written`;
    if ((await fileHash(path, "sha256")) === sha256) return undefined;
    return `${name} is not as it was written: its SHA-256 differs`;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT") return `${name} is missing`;
    // It may well be whole, and be read at the next try: what is called damaged goes one day.
    throw code === undefined ? error : readError(path, error, readAgain(checkpoint));
  }
}

function readAgain(path: string): string {
  return (
    "put the disk or its permissions right, then type the same command again; or move " +
    `${path} away, and the run goes on from the checkpoint before it`
  );
}
