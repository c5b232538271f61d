/**
 * Unpacks the needed part of a Python wheel: a ZIP archive whose RECORD lists each file's SHA-256.
 * Entries are streamed, and each is checked against RECORD, so that a cut or damaged download is found.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, dirname, resolve, sep } from "node:path";
import { Transform, type TransformCallback } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { systemErrorCode, UserError } from "../errors.js";
import type { SetupReporter } from "./reporter.js";

export interface UnpackOptions {
  readonly wheel: string;
  readonly into: string;
  /** The path under `into` of an entry's name, or undefined to leave it out. */
  readonly place: (name: string) => string | undefined;
  readonly label: string;
  readonly reporter: SetupReporter;
  readonly signal?: AbortSignal | undefined;
}

function damaged(wheel: string, got: string, cause?: unknown): UserError {
  return new UserError(
    `wheel ${basename(wheel)}`,
    got,
    "a whole and unchanged wheel",
    "try again: npx bit-setup; if it stays so, the package index or mirror gives a damaged file",
    { cause },
  );
}

async function entriesOf(zip: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>();
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  return entries;
}

/** A text entry of the wheel's `*.dist-info` folder. */
async function distInfo(
  zip: ZipFile,
  entries: ReadonlyMap<string, Entry>,
  file: string,
): Promise<string | undefined> {
  for (const [name, entry] of entries)
    if (new RegExp(`^[^/]+\\.dist-info/${file}$`).test(name))
      return await text(await zip.openReadStreamPromise(entry));
  return undefined;
}

/** The SHA-256 of each file, in base64url, from RECORD's lines `path,sha256=digest,size`. */
function digestsOf(record: string): Map<string, string> {
  const digests = new Map<string, string>();
  for (const line of record.split(/\r?\n/)) {
    const [, quoted, plain, digest] = /^(?:"(.*)"|([^,]*)),sha256=([\w-]+)=*,/.exec(line) ?? [];
    const name = quoted?.replaceAll('""', '"') ?? plain;
    if (name !== undefined && digest !== undefined) digests.set(name, digest);
  }
  return digests;
}

/** Passes bytes on, hashing and counting them. */
class HashAndCount extends Transform {
  readonly #hash = createHash("sha256");
  readonly #onBytes: (count: number) => void;

  constructor(onBytes: (count: number) => void) {
    super();
    this.#onBytes = onBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#onBytes(chunk.length);
    done(null, chunk);
  }

  digest(): string {
    return this.#hash.digest("base64url");
  }
}

/**
 * Unpacks the entries that `place` gives a path.
 * @returns how many files were unpacked
 * @throws UserError when the wheel is damaged
 */
export async function unpackWheel(options: UnpackOptions): Promise<{ fileCount: number }> {
  const { wheel, into, place, reporter, signal } = options;
  try {
    const zip = await openPromise(wheel, { autoClose: false });
    try {
      const entries = await entriesOf(zip);
      const digests = digestsOf((await distInfo(zip, entries, "RECORD")) ?? "");
      const chosen: { entry: Entry; path: string }[] = [];
      for (const [name, entry] of entries) {
        const placed = name.endsWith("/") ? undefined : place(name);
        if (placed === undefined) continue;
        const path = resolve(into, placed);
        if (!path.startsWith(resolve(into) + sep)) throw damaged(wheel, `it holds ${name}`);
        chosen.push({ entry, path });
      }
      const totalBytes = chosen.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
      const counter = reporter.bytes(options.label, totalBytes);
      let doneBytes = 0;
      for (const { entry, path } of chosen) {
        await mkdir(dirname(path), { recursive: true });
        const hash = new HashAndCount((count) => {
          doneBytes += count;
          counter.update(doneBytes);
        });
        // The upper half of the attributes is the Unix mode; CUDA's assembler must stay executable. As
        // pip does, of the mode only that is taken: some wheels let nobody but the owner execute.
        const isExecutable = ((entry.externalFileAttributes >>> 16) & 0o111) !== 0;
        await pipeline(
          await zip.openReadStreamPromise(entry),
          hash,
          createWriteStream(path, { mode: isExecutable ? 0o777 : 0o666 }),
          ...(signal ? [{ signal }] : []),
        );
        if (hash.digest() !== digests.get(entry.fileName))
          throw damaged(wheel, `${entry.fileName} is not what the wheel's RECORD says`);
      }
      counter.done();
      return { fileCount: chosen.length };
    } finally {
      zip.close();
    }
  } catch (error) {
    signal?.throwIfAborted();
    const isOurs = error instanceof UserError || systemErrorCode(error) === "ENOSPC";
    if (isOurs || !(error instanceof Error)) throw error;
    throw damaged(wheel, error.message, error);
  }
}
