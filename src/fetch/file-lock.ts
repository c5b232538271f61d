/**
 * Locks on files, between processes: `<file>.lock` says who is at work on a file. A lock whose
 * process has ended without removing it is taken over.
 */
import { randomUUID } from "node:crypto";
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
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { systemErrorCode, UserError } from "../errors.js";

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Numbers of processes are used again; null where the system does not say. */
  started: z.string().nullable(),
  purpose: z.string(),
  /** Tells this lock from every other. */
  token: z.string(),
});

type Owner = z.infer<typeof ownerSchema>;

export interface LockOptions {
  /** What is done to the file, for whom it keeps out: `downloading it`. */
  readonly purpose: string;
  /** How long to wait for another's lock; default not at all. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FileLock {
  /** Gives the file free; a second call does nothing. */
  release(): Promise<void>;
}

/** Somebody else is at work on the file. */
export class FileLocked extends UserError {}

/** A lock is created and filled in one go; one that is empty for so long was left so. */
const HALF_WRITTEN_MS = 5000;
const POLL_MS = 20;

/**
 * Locks `path`, which need not exist, by creating `<path>.lock`.
 * @throws FileLocked where another process, or another caller in this one, holds it
 * @throws UserError where the lock cannot be made
 */
export async function acquireLock(
  path: string,
  { purpose, waitMs = 0, signal }: LockOptions,
): Promise<FileLock> {
  const lock = `${path}.lock`;
  const { pid } = process;
  const token = randomUUID();
  const started = statusOf(pid)?.started ?? null;
  const owner: Owner = { pid, host: hostname(), started, purpose, token };
  const deadlineMs = Date.now() + waitMs;
  for (;;) {
    signal?.throwIfAborted();
    if (create(lock, owner)) break;
    const found = read(lock);
    if (found === "gone" || (isStale(lock, found) && removeStale(lock))) continue;
    if (typeof found !== "string" && Date.now() >= deadlineMs) throw locked(path, lock, found);
    await sleep(POLL_MS);
  }
  return {
    release: async () => {
      const found = read(lock);
      if (typeof found !== "string" && found.token === token) rmSync(lock, { force: true });
    },
  };
}

/** Whether the lock is ours now; false where there is one already. */
function create(lock: string, owner: Owner): boolean {
  let created = false;
  try {
    const descriptor = openSync(lock, "wx");
    created = true;
    try {
      writeSync(descriptor, `${JSON.stringify(owner)}\n`);
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch (error) {
    if (created) rmSync(lock, { force: true });
    const code = systemErrorCode(error);
    if (code === "EEXIST") return false;
    if (code === undefined) throw error;
    throw new UserError(
      lock,
      `cannot be made (${code})`,
      "a folder in which files can be made",
      "choose another folder, or change its permissions",
      { cause: error },
    );
  }
}

function read(lock: string): Owner | "gone" | "half-written" {
  try {
    return ownerSchema.safeParse(JSON.parse(readFileSync(lock, "utf8"))).data ?? "half-written";
  } catch (error) {
    return systemErrorCode(error) === "ENOENT" ? "gone" : "half-written";
  }
}

function isStale(lock: string, found: Owner | "half-written"): boolean {
  if (found === "half-written") return ageMs(lock) > HALF_WRITTEN_MS;
  // Nothing can be known of the processes of another machine that shares the folder.
  return found.host === hostname() && !isAlive(found);
}

function isAlive({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if (systemErrorCode(error) === "ESRCH") return false;
  }
  const now = statusOf(pid);
  if (now === undefined) return true;
  return !/[ZX]/.test(now.state) && (started === null || started === now.started);
}

/**
 * Removes a stale lock; false where another process is doing so. Between looking and removing, the
 * lock could have become a live one: a folder beside it, which only one can make, keeps that from
 * happening. All is done without a pause, so that nobody waits for it.
 */
function removeStale(lock: string): boolean {
  const guard = `${lock}.takeover`;
  try {
    mkdirSync(guard);
  } catch {
    if (ageMs(guard) > HALF_WRITTEN_MS) removeFolder(guard);
    return false;
  }
  try {
    const found = read(lock);
    if (found !== "gone" && isStale(lock, found)) rmSync(lock, { force: true });
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

function ageMs(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}

/**
 * What the system says of a process: its state (`Z` where it has ended, but its parent has not
 * asked how), and when it was started: the machine's start and the clock ticks since. Undefined
 * where the system does not say. Source: proc(5), /proc/pid/stat, fields 3 and 22.
 */
function statusOf(pid: number): { state: string; started: string } | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, started: `${boot}/${fields[22 - 3]}` };
  } catch {
    return undefined;
  }
}

function locked(path: string, lock: string, { pid, host, purpose }: Owner): FileLocked {
  const here = host === hostname();
  return new FileLocked(
    path,
    `process ${pid}${here ? "" : ` on ${host}`} is ${purpose}`,
    "nobody else at work on it",
    here
      ? `wait until process ${pid} on ${host} has ended, then type the same command again`
      : `wait for it to end, then type the same command again; if it has, delete ${lock}`,
  );
}
