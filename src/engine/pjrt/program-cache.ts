/**
 * Compiled programs, kept for later runs: a network takes a GPU's compiler half a minute. One file a
 * program, named after all that decides what the compiler makes. The cache can only save time: whatever is
 * missing, damaged, refused or cannot be written costs a compilation.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../../cache-folder.js";
import { writeFileAtomically } from "../../disk/atomic-file.js";
import { makePlace, makeRoom, markUsed } from "../../disk/kept-files.js";
import { readCpuinfo } from "../cpuinfo.js";
import type { PjrtClient } from "./client.js";
import { type CompileOptions, encodeCompileOptions } from "./compile-options.js";
import { PjrtError } from "./pjrt-error.js";
import type { PjrtProgram } from "./program.js";

/** Raised when what a file holds changes. */
const FORMAT = 1;

/** The bytes of the SHA-256 with which a file begins; the serialized program follows. */
const DIGEST_BYTES = 32;

/** How the files' names end. */
const ENDING = ".xla";

/** What of the environment the compilers read. */
const VARIABLES = ["XLA_FLAGS", "NVIDIA_TF32_OVERRIDE"];

export interface KeptProgram {
  readonly program: PjrtProgram;
  /** Whether it came from the cache. */
  readonly fromCache: boolean;
  /** Resolves when a new one is kept, or cannot be; never rejects. The process stays for it. */
  readonly stored: Promise<void>;
}

export interface ProgramCacheOptions {
  /** Default: `programs` in the cache folder. */
  readonly folder?: string;
  /** The most that all files may have; those unused for longest go. Default: 2 GiB. */
  readonly maxBytes?: number;
  /** What else decides what the compiler makes, such as which devices are on one machine. */
  readonly also?: string;
}

/**
 * Compiles a module as the client does, or takes it from the cache.
 * @throws PjrtError where the compiler refuses it
 */
export async function compileOrReuse(
  client: PjrtClient,
  mlir: string,
  options: CompileOptions = {},
  {
    folder = join(cacheFolder(), "programs"),
    maxBytes = 2 * 2 ** 30,
    also = "",
  }: ProgramCacheOptions = {},
): Promise<KeptProgram> {
  const path = join(folder, `${keyOf(client, mlir, options, also)}${ENDING}`);
  const there = await reuse(client, path, mlir, options);
  if (there !== undefined) return { program: there, fromCache: true, stored: Promise.resolve() };
  const program = await client.compile(mlir, options);
  return { program, fromCache: false, stored: store(program, path, folder, maxBytes) };
}

/** All that decides what is compiled, as a hash. */
function keyOf(client: PjrtClient, mlir: string, options: CompileOptions, also: string): string {
  const plugin = statSync(client.path);
  const ingredients = [
    FORMAT,
    client.platform,
    client.version,
    client.api,
    client.path,
    plugin.size,
    plugin.mtimeMs,
    [...new Set(client.devices.map(({ kind }) => kind))],
    client.platform === "cpu" ? processor() : "",
    VARIABLES.map((name) => process.env[name] ?? ""),
    ...(also === "" ? [] : [also]),
  ];
  return createHash("sha256")
    .update(JSON.stringify(ingredients))
    .update(encodeCompileOptions(options))
    .update(mlir)
    .digest("hex");
}

/** What code for this processor may use: a home folder may be shared with other machines. */
function processor(): string {
  const [first = ""] = readCpuinfo().split("\n\n", 1);
  const lines = first.split("\n");
  return lines.filter((line) => /^(?:model name|flags|Features)\s/.test(line)).join();
}

async function reuse(
  client: PjrtClient,
  path: string,
  mlir: string,
  options: CompileOptions,
): Promise<PjrtProgram | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const serialized = bytes.subarray(DIGEST_BYTES);
  // A plugin may crash on what is damaged.
  if (!bytes.subarray(0, DIGEST_BYTES).equals(digestOf(serialized))) return undefined;
  try {
    const program = await client.load(serialized, options, mlir);
    await markUsed(path);
    return program;
  } catch (error) {
    // Refused; without memory for it, a program that is compiled would find none either.
    if (error instanceof PjrtError && !error.outOfMemory) return undefined;
    throw error;
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

async function store(
  program: PjrtProgram,
  path: string,
  folder: string,
  maxBytes: number,
): Promise<void> {
  try {
    const serialized = await program.serialize();
    if (serialized.length + DIGEST_BYTES > maxBytes) return;
    await makePlace(folder, ENDING);
    await writeFileAtomically(path, async (append) => {
      await append(digestOf(serialized));
      await append(serialized);
    });
    await makeRoom(folder, ENDING, maxBytes);
  } catch {
    // Not every plugin can serialize, not every disk has room.
  }
}
