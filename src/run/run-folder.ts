/** The folder of a run, `<logdir>/<name>/`, and what lies in it. */
import { constants } from "node:fs";
import { access, mkdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { writeFileAtomically } from "../archive/atomic-file.js";
import { readError } from "../archive/file-reading.js";
import { systemErrorCode, UserError } from "../errors.js";

/** Paths in a run's folder. */
export interface RunFolder {
  readonly path: string;
  readonly config: string;
  readonly checkpoint: string;
  readonly metrics: string;
  readonly result: string;
  /** The examples that were drawn, where a run trains on a few of each class. */
  readonly examples: string;
  /** The images that were left out because they cannot be used, where there are any. */
  readonly skipped: string;
}

/** The paths of the run `name` under `logdir`, whether or not they exist. */
export function runFolder(logdir: string, name: string): RunFolder {
  return runFolderAt(resolve(logdir, name));
}

/** As `runFolder`, from the run's own folder. */
export function runFolderAt(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.json"),
    checkpoint: join(path, "checkpoint.npz"),
    metrics: join(path, "metrics.jsonl"),
    result: join(path, "result.json"),
    examples: join(path, "examples.tsv"),
    skipped: join(path, "skipped.tsv"),
  };
}

/**
 * Makes a run's folder and proves that files can be written to it.
 * @throws UserError where they cannot
 */
export async function makeRunFolder(folder: RunFolder): Promise<void> {
  try {
    await mkdir(folder.path, { recursive: true });
    await access(folder.path, constants.W_OK);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new UserError(
      folder.path,
      `cannot be written to (${code})`,
      "a folder in which the run's files can be made",
      "choose another place with --logdir, or change its permissions",
      { cause: error },
    );
  }
}

/** Writes `value` as JSON; the file appears complete or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  await writeFileAtomically(path, (append) => append(new TextEncoder().encode(text)));
}

/**
 * The values of a JSON file, or undefined where there is no such file.
 * @throws UserError where it is not JSON
 */
export async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw readError(path, error, "check the path and its permissions");
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new UserError(
      path,
      "is not JSON",
      "a file that bit-train wrote",
      "remove the run's folder",
      {
        cause: error,
      },
    );
  }
}
