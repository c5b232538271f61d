/**
 * The folders in which engines are made, and one set-up at a time.
 *
 * Correctness rests on the rename alone: every set-up works in a folder of its own and the last step
 * puts it in place at once, so even two at the same time leave one whole engine. The lock only saves
 * the second of them a download and gigabytes of disk: it waits and then uses what the first made. A
 * lock that is wrongly taken over (another host, another container) therefore costs time, not an engine.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "../errors.js";
import { ownerState, ownerTag } from "./owner.js";

const TEMPORARY = /^\.(?:new|old)-.+?@@(.+)@@/;
const LOCK_FILE = ".lock";
/** Whole wheels of a set-up that broke off. */
const WHEELS_FOLDER = ".wheels";
/** Between the making of a lock file and the writing of its owner. */
const HALF_WRITTEN_MS = 5_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Where whole wheels wait until what they are for stands. */
export function wheelsFolder(engines: string): string {
  return join(engines, WHEELS_FOLDER);
}

/** A new temporary folder beside the engines, on their disk and with its owner in its name. */
export async function makeTemporary(engines: string, name: string): Promise<string> {
  return await mkdtemp(join(engines, `.new-${name}@@${ownerTag()}@@`));
}

/**
 * Removes temporary folders of dead processes; those of other hosts, and wheels that wait, after a day
 * without a change.
 * @returns the names of those removed
 */
export async function sweep(engines: string, nowMs: number = Date.now()): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await readdir(engines)) {
    const tag = TEMPORARY.exec(name)?.[1];
    if (tag === undefined && name !== WHEELS_FOLDER) continue;
    const folder = join(engines, name);
    const state = tag === undefined ? "unknown" : ownerState(tag);
    if (state === "alive") continue;
    if (state === "unknown") {
      const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: nowMs }));
      if (nowMs - mtimeMs < DAY_MS) continue;
    }
    await rm(folder, { recursive: true, force: true });
    swept.push(name);
  }
  return swept;
}

/**
 * Puts a finished folder in place, at once. A folder that stands there already is moved out of the
 * way and removed; processes that have loaded its library keep it until they end.
 */
export async function putInPlace(made: string, engines: string, name: string): Promise<string> {
  const target = join(engines, name);
  for (let attempt = 0; ; attempt++) {
    try {
      await rename(made, target);
      return target;
    } catch (error) {
      const code = systemErrorCode(error);
      if ((code !== "ENOTEMPTY" && code !== "EEXIST") || attempt === 5) throw error;
    }
    const old = await mkdtemp(join(engines, `.old-${name}@@${ownerTag()}@@`));
    await rename(target, join(old, "engine")).catch((error: unknown) => {
      // Another set-up has just moved it away.
      if (systemErrorCode(error) !== "ENOENT") throw error;
    });
    await rm(old, { recursive: true, force: true });
  }
}

/** Reads the lock's owner; undefined when there is no lock. */
async function lockOwner(lock: string): Promise<string | undefined> {
  try {
    return await readFile(lock, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether the lock's owner is gone. Of another host's owner, only the lock's age tells. */
async function isAbandoned(lock: string, owner: string): Promise<boolean> {
  const state = ownerState(owner);
  if (state !== "unknown") return state === "dead";
  const limitMs = owner === "" ? HALF_WRITTEN_MS : HOUR_MS;
  const lockStat = await stat(lock).catch(() => undefined);
  return lockStat !== undefined && Date.now() - lockStat.mtimeMs > limitMs;
}

/** Takes an abandoned lock away. Renaming it first lets only one of several set-ups do so. */
async function breakLock(lock: string, owner: string): Promise<void> {
  const broken = `${lock}.broken-${process.pid}`;
  try {
    await rename(lock, broken);
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return;
    throw error;
  }
  // Between the reading and the renaming a living one may have come: give it back.
  if ((await lockOwner(broken)) === owner) await rm(broken, { force: true });
  else await rename(broken, lock);
}

/**
 * Runs the work while holding the cache folder's lock, after waiting for another set-up's end.
 * @param options.onWait called once, if there is somebody to wait for
 */
export async function withLock<T>(
  engines: string,
  work: () => Promise<T>,
  options: { signal?: AbortSignal | undefined; onWait?: (owner: string) => void } = {},
): Promise<T> {
  await mkdir(engines, { recursive: true });
  const lock = join(engines, LOCK_FILE);
  const mine = ownerTag();
  for (let waiting = false; ; ) {
    options.signal?.throwIfAborted();
    try {
      await writeFile(lock, mine, { flag: "wx" });
      break;
    } catch (error) {
      if (systemErrorCode(error) !== "EEXIST") throw error;
    }
    const owner = await lockOwner(lock);
    if (owner === undefined) continue;
    if (await isAbandoned(lock, owner)) {
      await breakLock(lock, owner);
      continue;
    }
    if (!waiting) options.onWait?.(owner);
    waiting = true;
    await sleep(250, undefined, options.signal ? { signal: options.signal } : {});
  }
  try {
    return await work();
  } finally {
    if ((await lockOwner(lock)) === mine) await rm(lock, { force: true });
  }
}
