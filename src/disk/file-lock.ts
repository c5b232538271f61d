/**
 * Locks on files, between processes: `<file>.lock` says who is at work on a file. A lock whose
 * process has ended without removing it is taken over: at once where that process can be looked for,
 * and else when it has long shown no sign of life, as after a container that was killed.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { systemErrorCode, UserError } from "../errors.js";
import { isAlive, isOfThisMachine, type LockOwner, parseOwner, thisProcess } from "./lock-owner.js";
import type { Renewal } from "./renew-lock.js";

export interface LockOptions {
  /** What is done to the file, for whom it keeps out: `downloading it`. */
  readonly purpose: string;
  /** What people know as locked, where that is not the path: a folder, in which the lock lies. */
  readonly subject?: string | undefined;
  /** How long to wait for another's lock; default not at all. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told in words what is waited for. */
  readonly note?: ((line: string) => void) | undefined;
  /** How often the lock is written anew, as a sign of life; default each 10 seconds. */
  readonly renewMs?: number | undefined;
}

export interface FileLock {
  /** Throws FileLocked where another process has taken the lock over while this one stood still. */
  requireHeld(): void;
  /** Gives the file free; a second call does nothing. */
  release(): Promise<void>;
}

/** Somebody else is at work on the file. */
export class FileLocked extends UserError {}

/** A lock is created and filled in one go; one that is empty for so long was left so. */
const HALF_WRITTEN_MS = 5000;
const RENEW_MS = 10_000;
/** A lock that is held for less takes no thread. */
const BRIEF_MS = 1000;
/** Without a sign of life for so long, an owner that cannot be looked for has ended. */
const LAPSE_MS = 120_000;
const POLL_MS = 20;
const WATCH_MS = 500;

/**
 * Locks `path`, which need not exist, by creating `<path>.lock`. Where its owner is another machine's
 * or container's, it is watched until it shows a sign of life or its lock lapses, at most 2 minutes.
 * @throws FileLocked where another process, or another caller in this one, holds it
 * @throws UserError where the lock cannot be made
 */
export async function acquireLock(
  path: string,
  { purpose, subject = path, waitMs = 0, signal, note, renewMs = RENEW_MS }: LockOptions,
): Promise<FileLock> {
  const lock = `${path}.lock`;
  const owner = thisProcess(purpose);
  const deadlineMs = Date.now() + waitMs;
  let watched: { readonly token: string; readonly renewedMs: number } | undefined;
  let descriptor: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    descriptor = create(lock, owner);
    if (descriptor !== undefined) break;
    const found = read(lock);
    if (found === "gone" || (mayBeLeft(found) && removeLeft(lock))) continue;
    if (found === "half-written") {
      await sleep(POLL_MS);
      continue;
    }
    if (mayBeLeft(found) && found.renewed) {
      const renewedMs = changedMs(lock);
      if (watched?.token !== found.token) {
        watched = { token: found.token, renewedMs };
        note?.(`${lock}: waiting up to 2 minutes for a sign of life of ${describe(found)}`);
      }
      if (renewedMs === watched.renewedMs) {
        await sleep(WATCH_MS);
        continue;
      }
    }
    if (Date.now() >= deadlineMs) throw locked(subject, lock, found);
    await sleep(POLL_MS);
  }
  const stop = renewed({ descriptor, text: textOf(owner), everyMs: renewMs });
  let released: Promise<void> | undefined;
  return {
    requireHeld: () => {
      const found = read(lock);
      if (typeof found !== "string" && found.token !== owner.token) throw lost(subject, found);
    },
    release: () => {
      released ??= stop().then(() => {
        const found = read(lock);
        if (typeof found !== "string" && found.token === owner.token) rmSync(lock, { force: true });
      });
      return released;
    },
  };
}

/** The lock's descriptor, where it is ours now; undefined where there is one already. */
function create(lock: string, owner: LockOwner): number | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(lock, "wx");
    writeSync(descriptor, textOf(owner));
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) {
      closeSync(descriptor);
      rmSync(lock, { force: true });
    }
    const code = systemErrorCode(error);
    if (code === "EEXIST") return undefined;
    if (code === undefined) throw error;
    throw cannotBeMade(lock, code, error);
  }
}

function cannotBeMade(path: string, code: string, cause: unknown): UserError {
  return new UserError(
    path,
    `cannot be made (${code})`,
    "a folder in which files can be made",
    "choose another folder, or change its permissions",
    { cause },
  );
}

/**
 * Renews a lock every so often, on a thread of its own.
 * @returns what ends that, and closes the lock's file; to be called once
 */
function renewed(renewal: Renewal): () => Promise<void> {
  let worker: Worker | undefined;
  const start = () => {
    // Without it the lock lapses, which `requireHeld` tells of.
    try {
      worker = new Worker(new URL("./renew-lock.js", import.meta.url), { workerData: renewal });
      worker.on("error", () => undefined).unref();
    } catch {
      worker = undefined;
    }
  };
  const timer = setTimeout(start, Math.min(BRIEF_MS, renewal.everyMs)).unref();
  return async () => {
    clearTimeout(timer);
    // Only then, lest the thread writes to a file that gets the same number.
    await worker?.terminate();
    closeSync(renewal.descriptor);
  };
}

function textOf(owner: LockOwner): string {
  return `${JSON.stringify(owner)}\n`;
}

function read(lock: string): LockOwner | "gone" | "half-written" {
  try {
    return parseOwner(readFileSync(lock, "utf8")) ?? "half-written";
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? "gone" : "half-written";
  }
}

/** Whether a lock's owner is not known to live. */
function mayBeLeft(found: LockOwner | "half-written"): boolean {
  if (found === "half-written") return true;
  return !isOfThisMachine(found) || !isAlive(found);
}

/** Whether a lock that was not written for so long has no owner any more. */
function isLeft(found: LockOwner | "half-written", unchangedMs: number): boolean {
  if (found === "half-written") return unchangedMs > HALF_WRITTEN_MS;
  if (isOfThisMachine(found)) return !isAlive(found);
  return found.renewed === true && unchangedMs > LAPSE_MS;
}

/**
 * Removes a lock that its owner has left; false where it has not, or another process is doing so.
 * Between looking and removing, the lock could have become a live one: a folder beside it, which only
 * one can make, keeps that from happening, and has the time of the disk's clock. All is done without
 * a pause, so that nobody waits for it.
 */
function removeLeft(lock: string): boolean {
  const guard = `${lock}.takeover`;
  try {
    mkdirSync(guard);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    // To wait would be of no use: in such a folder no lock can be removed, nor made.
    if (code !== "EEXIST") throw cannotBeMade(guard, code, error);
    if (Date.now() - changedMs(guard) > HALF_WRITTEN_MS) removeFolder(guard);
    return false;
  }
  try {
    const found = read(lock);
    if (found === "gone") return true;
    if (!isLeft(found, changedMs(guard) - changedMs(lock))) return false;
    rmSync(lock, { force: true });
    return true;
  } finally {
    removeFolder(guard);
  }
}

function removeFolder(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (systemErrorCode(error) !== "ENOENT") throw error;
  }
}

/** When a file was written last; now, where it is gone. */
function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

/** `process 12 on node-3 (training this run)`. */
function describe({ pid, host, purpose }: LockOwner): string {
  return `process ${pid} on ${host} (${purpose})`;
}

function locked(subject: string, lock: string, owner: LockOwner): FileLocked {
  const { pid, host, purpose } = owner;
  const here = isOfThisMachine(owner);
  const afterwards = here || owner.renewed ? "" : `; if it has, delete ${lock}`;
  return new FileLocked(
    subject,
    `process ${pid}${here ? "" : ` on ${host}`} is ${purpose}`,
    "nobody else at work on it",
    `wait until process ${pid} on ${host} has ended, then type the same command again${afterwards}`,
  );
}

function lost(subject: string, now: LockOwner): FileLocked {
  return new FileLocked(
    subject,
    `${describe(now)} has taken it over, for this process gave no sign of life for 2 minutes`,
    "one process at work on it",
    "wait until the other has ended; it goes on from what this one saved",
  );
}
