/** Whether this machine and its cache folder can take an engine at all, before any work. */
import { existsSync } from "node:fs";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { PluginRecipe } from "../engine/plugin-recipes.js";
import { systemErrorCode, UserError } from "../errors.js";

/** Which machine it is; replaced in tests. */
export interface Machine {
  readonly platform: string;
  readonly arch: string;
  /** Alpine and others whose C library is musl, for which TensorFlow has no build. */
  readonly musl: boolean;
}

function muslOnly(): boolean {
  const loaders = { x64: "/lib64/ld-linux-x86-64.so.2", arm64: "/lib/ld-linux-aarch64.so.1" };
  const musl = { x64: "/lib/ld-musl-x86_64.so.1", arm64: "/lib/ld-musl-aarch64.so.1" };
  const arch = process.arch === "arm64" ? "arm64" : "x64";
  return existsSync(musl[arch]) && !existsSync(loaders[arch]);
}

/** The machine that this process runs on. */
export function thisMachine(): Machine {
  return { platform: process.platform, arch: process.arch, musl: muslOnly() };
}

const PLATFORM_ADVICE: Readonly<Record<string, string>> = {
  win32: "run it under WSL2: type wsl --install in a terminal, then set this up inside it",
  darwin: "macOS is not supported yet; use a Linux machine or a Linux container",
};

/**
 * @throws UserError unless it is Linux with glibc on x64 or arm64
 */
export function checkMachine(machine: Machine = thisMachine()): void {
  const name = `${machine.platform} ${machine.arch}`;
  if (machine.platform !== "linux" || !["x64", "arm64"].includes(machine.arch))
    throw new UserError(
      "this machine",
      `${name} is not supported`,
      "Linux on x64 or arm64",
      PLATFORM_ADVICE[machine.platform] ?? "use a Linux machine with an x64 or arm64 processor",
    );
  if (machine.musl)
    throw new UserError(
      "this machine",
      "its C library is musl (Alpine Linux?)",
      "a Linux with glibc; TensorFlow has no build for musl",
      "use a container of Debian, Ubuntu or Fedora",
    );
}

/**
 * As checkMachine, for a plugin.
 * @throws UserError where the plugin has no build for the machine
 */
export function checkPluginMachine(
  { title }: Pick<PluginRecipe, "title">,
  machine: Machine = thisMachine(),
): void {
  checkMachine(machine);
  if (machine.arch !== "x64")
    throw new UserError(
      title,
      `it is not set up for ${machine.platform} ${machine.arch}`,
      "Linux on x64",
      "compute on the CPU: npx bit-setup --cpu",
    );
}

/**
 * Makes a folder and those above it. Node's own recursive mkdir never ends where the system answers
 * "no such file" for a folder whose parent exists, as /proc does.
 */
async function makeFolders(folder: string): Promise<void> {
  const path = resolve(folder);
  if (existsSync(path)) return;
  if (dirname(path) !== path) await makeFolders(dirname(path));
  await mkdir(path).catch((error: unknown) => {
    // Another process was quicker.
    if (systemErrorCode(error) !== "EEXIST") throw error;
  });
}

/**
 * Makes a folder of the cache and writes to it once.
 * @throws UserError when that fails
 */
export async function checkWritable(folder: string): Promise<void> {
  const probe = join(folder, `.write-test-${process.pid}`);
  try {
    await makeFolders(folder);
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    if (isFull(code)) throw diskFull(folder, "it is full", undefined, error);
    throw new UserError(
      `cache folder ${folder}`,
      `it cannot be written (${code})`,
      "a folder that you may write to",
      "set BIT_CACHE to one: BIT_CACHE=$HOME/bit-cache npx bit-setup   (and keep it set); what is kept " +
        "for several people: who keeps it types npx bit-setup",
      { cause: error },
    );
  }
}

function isFull(code: string | undefined): boolean {
  return code === "ENOSPC" || code === "EDQUOT";
}

/** The free bytes of the disk under a folder, for this user. */
export type FreeBytes = (folder: string) => Promise<number>;

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function gibibytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}

/** What a recipe needs of a disk. */
export interface DiskNeed {
  /** The most that lies on the disk at once. */
  readonly peakDiskBytes: number;
  /** Only what is for a GPU has one: then there is a smaller way. */
  readonly library?: string;
}

function diskFull(folder: string, got: string, recipe?: DiskNeed, cause?: unknown): UserError {
  const smaller =
    recipe?.library === undefined ? "" : ", or compute on the CPU: npx bit-setup --cpu";
  return new UserError(
    `disk of ${folder}`,
    got,
    `${recipe === undefined ? "room" : `${gibibytes(recipe.peakDiskBytes)} free`} while the engine is made`,
    `free some, or put the cache on another disk: BIT_CACHE=/path/to/folder npx bit-setup${smaller}`,
    { cause },
  );
}

/**
 * @param folder an existing folder
 * @throws UserError when the disk has less room than the recipe needs at its peak
 */
export async function checkDisk(
  folder: string,
  recipe: DiskNeed,
  freeBytes: FreeBytes = freeBytesOf,
): Promise<void> {
  const free = await freeBytes(folder);
  if (free < recipe.peakDiskBytes) throw diskFull(folder, `${gibibytes(free)} is free`, recipe);
}

/** Turns "no space left" from the midst of the work into the same advice. */
export function explainFullDisk(error: unknown, folder: string, recipe: DiskNeed): unknown {
  return isFull(systemErrorCode(error))
    ? diskFull(folder, "it ran full during the set-up", recipe, error)
    : error;
}
