/**
 * Names of files and folders that are still being made. They tell whose they are, so that what a killed process left
 * is known from what a living one is at, and is swept by whoever makes something beside it.
 */
import { randomBytes } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isAlive, machineTag } from "./lock-owner.js";

/** As long a name is unchanged that a process elsewhere left, of which nobody can say whether it lives. */
export const LEFT_FOR_MS = 24 * 3_600_000;

/** A new name beside `path` that no other process chooses: `.<file>.<pid>-<machine>-<random>.tmp`. */
export function temporaryName(path: string): string {
  const unique = `${process.pid}-${machineTag()}-${randomBytes(4).toString("hex")}`;
  return join(dirname(path), `.${basename(path).slice(0, 60)}.${unique}.tmp`);
}

// Of earlier versions without the machine.
const pattern = /^\..*\.(\d+)-(?:([0-9a-f]{8})-)?[0-9a-f]{8}\.tmp$/;

/** Whether a file's name is one of `temporaryName`. */
export function isTemporaryName(name: string): boolean {
  return pattern.test(name);
}

/** What is known of the process that a temporary name tells. */
function stateOf(name: string): "alive" | "dead" | "unknown" {
  const [, pid, machine] = pattern.exec(name) ?? [];
  if (machine !== machineTag()) return "unknown";
  // Where its number was given to another process since, it stays until the machine starts anew.
  return isAlive({ pid: Number(pid), started: null }) ? "alive" : "dead";
}

/**
 * Removes what killed processes left half made in a folder: files and folders with a temporary name whose process is
 * of this machine and gone. What cannot be removed, as another user's, is left.
 * @param othersAfterMs what other machines' processes left is removed when it was unchanged for so long; default
 *   never, as in folders that people share
 */
export async function sweepLeftovers(
  folder: string,
  othersAfterMs = Number.POSITIVE_INFINITY,
): Promise<void> {
  const names = await readdir(folder).catch((): string[] => []);
  for (const name of names.filter(isTemporaryName)) {
    const path = join(folder, name);
    const state = stateOf(name);
    const isLeft =
      state === "dead" || (state === "unknown" && (await unchangedMs(path)) > othersAfterMs);
    if (isLeft) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

async function unchangedMs(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 0 : Date.now() - found.mtimeMs;
}
