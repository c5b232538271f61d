/** The folder of a run, `<logdir>/<name>/`, and what lies in it. */
import { constants } from "node:fs";
import { access, mkdir, readFile, rm } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, resolve, sep } from "node:path";
import { acquireLock, type FileLock, type LockOptions } from "../disk/file-lock.js";
import { isFolder } from "../disk/file-reading.js";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.js";
import { isAlive, isOfThisMachine, parseOwner } from "../disk/lock-owner.js";
import { systemErrorCode, UserError } from "../errors.js";

/** Paths in a run's folder. */
export interface RunFolder {
  readonly path: string;
  readonly config: string;
  /** The newest checkpoint's archive, for people and other commands. */
  readonly checkpoint: string;
  /** The archive of the checkpoint with the best evaluation. */
  readonly best: string;
  /** The checkpoints, each in a folder of its own. */
  readonly checkpoints: string;
  readonly log: string;
  readonly metrics: string;
  readonly result: string;
  /** What the final evaluation's model makes of each of its images. */
  readonly predictions: string;
  /** What people read of the run when it is done. */
  readonly report: string;
  /** The examples that were drawn, where a run trains on a few of each class. */
  readonly examples: string;
  /** The images that were left out because they cannot be used, where there are any. */
  readonly skipped: string;
}

/**
 * The paths of the run `name` under `logdir`, whether or not they exist.
 * @param name a folder's name, or a path of several below `logdir`
 * @throws UserError where it is none
 */
export function runFolder(logdir: string, name: string): RunFolder {
  const wrong = wrongName(name);
  if (wrong !== undefined)
    throw new UserError(
      `--name ${JSON.stringify(name)}`,
      wrong,
      `the name of a folder of its own below ${logdir}`,
      "give another --name, and the folder above with --logdir",
    );
  return runFolderAt(resolve(logdir, name));
}

/** Removes what a run leaves at its end, if it is there: what it came to, its predictions and its report. */
export async function removeEnd({ result, predictions, report }: RunFolder): Promise<void> {
  for (const path of [result, predictions]) await rm(path, { force: true });
  // What goes wrong with a report is said when it is written.
  await rm(report, { force: true }).catch(() => undefined);
}

/** What is wrong with a run's name; undefined where it may be one. */
function wrongName(name: string): string | undefined {
  if (isAbsolute(name)) return "is an absolute path";
  const parts = normalize(name).split(sep);
  if (parts[0] === "." || parts[0] === "..") return "is no folder below --logdir";
  if (/\p{Cc}/u.test(name)) return "has control characters";
  if (parts.some((part) => Buffer.byteLength(part) > longestName))
    return `is longer than the ${longestName} bytes of a file's name`;
  return undefined;
}

/** What Linux' file systems take. */
const longestName = 255;

/** As `runFolder`, from the run's own folder. */
export function runFolderAt(path: string): RunFolder {
  return {
    path,
    config: join(path, "config.json"),
    checkpoint: join(path, "checkpoint.npz"),
    best: join(path, "best.npz"),
    checkpoints: join(path, "checkpoints"),
    log: join(path, "train.log"),
    metrics: join(path, "metrics.jsonl"),
    result: join(path, "result.json"),
    predictions: join(path, "predictions.csv"),
    report: join(path, "report.html"),
    examples: join(path, "examples.tsv"),
    skipped: join(path, "skipped.tsv"),
  };
}

/**
 * Refuses a place where a run's folder could not be made, or not be written to. Nothing is made.
 * @throws UserError
 */
export async function requirePlace({ path }: Pick<RunFolder, "path">): Promise<void> {
  for (let above = path; ; above = dirname(above)) {
    try {
      await access(above, constants.W_OK | constants.X_OK);
      // A file: nothing lies below it.
      if (!(await isFolder(above))) throw notWritable(path, "ENOTDIR", undefined);
      return;
    } catch (error) {
      if (error instanceof UserError) throw error;
      const code = systemErrorCode(error);
      if (code === undefined) throw error;
      if (code !== "ENOENT" || above === dirname(above)) throw notWritable(path, code, error);
    }
  }
}

function notWritable(path: string, code: string, cause: unknown): UserError {
  return new UserError(
    path,
    `cannot be written to (${code})`,
    "a folder in which the run's files can be made",
    "choose another place with --logdir, or change its permissions",
    { cause },
  );
}

/**
 * Makes a run's folder, which lasts through a power cut then, and proves that files can be written
 * to it.
 * @throws UserError where they cannot
 */
export async function makeRunFolder(
  folder: RunFolder,
  files: Pick<FileSystem, "syncFolder"> = nodeFileSystem,
): Promise<void> {
  try {
    const first = await mkdir(folder.path, { recursive: true });
    await access(folder.path, constants.W_OK);
    // Every folder that was made has its name in the one above it.
    for (let made = folder.path; first !== undefined && made.length >= first.length; ) {
      made = dirname(made);
      await files.syncFolder(made);
    }
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw notWritable(folder.path, code, error);
  }
}

/**
 * Keeps every other process off a run, whose folder must exist: `<run>/run.lock` says who trains it.
 * @throws FileLocked where another process does
 */
export async function lockRun(
  { path }: RunFolder,
  options: Pick<LockOptions, "note" | "signal"> = {},
): Promise<FileLock> {
  const about = { purpose: "training this run", subject: path };
  return acquireLock(join(path, "run"), { ...about, ...options });
}

/** Whether a process of this machine trains the run in a folder now, as its lock tells. */
export async function isTrained(path: string): Promise<boolean> {
  const text = await readFile(join(path, "run.lock"), "utf8").catch(() => "");
  const owner = parseOwner(text);
  return owner !== undefined && isOfThisMachine(owner) && isAlive(owner);
}
