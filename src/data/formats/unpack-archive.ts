/**
 * Unpacks a dataset's archive: into a temporary folder first, so that what it brings is there whole
 * or not at all. Only plain files are written, and none outside that folder.
 */
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

import yauzl from "yauzl";
import { systemErrorCode, UserError } from "../../errors.js";
import { archiveKind } from "./archive-kind.js";
import { streamUnpacked, TooLargeError } from "./gunzip-stream.js";
import { tarEntries } from "./tar-entries.js";

/** What an archive may come to, with what is passed over. */
export interface UnpackLimits {
  /** Also folders and links. */
  readonly files: number;
  readonly sizeBytes: number;
}

/** EuroSAT has 27,000 files, the pets' images are 0.8 GB. */
const LIMITS: UnpackLimits = { files: 200_000, sizeBytes: 8 * 2 ** 30 };
/** Folders within folders; no dataset has more than four. */
const MAX_DEPTH = 12;
/** A tar's headers and padding for each entry, and at its end, which count for no entry's size. */
const TAR_ENTRY_BYTES = 2048;
const TAR_END_BYTES = 2 ** 20;

/** What this file itself finds wrong with an archive. */
class ArchiveFault extends Error {}

/**
 * Unpacks one of the entries that an archive has at its top, and what lies below it.
 * @param archive a tar, packed by gzip or not, or a zip, whatever its name says
 * @param entry name of a file or folder at the archive's top
 * @param folder where that entry is to lie; it must not lie there yet
 * @param signal stops it; its reason is thrown, and nothing is left
 * @throws UserError where the archive is damaged, lacks the entry, names a path outside, or comes to
 *   more than the limits; also where the disk refuses
 */
export async function unpackArchive(
  archive: string,
  entry: string,
  folder: string,
  signal?: AbortSignal,
  limits: UnpackLimits = LIMITS,
): Promise<void> {
  const temporary = join(folder, `.${entry}.unpacking`);
  try {
    // What a run that was killed has left.
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary);
    const target = new Target(temporary, entry, limits);
    // Some of Oxford's archives were plain tars once, under the names that they have now.
    const kind = await archiveKind(archive);
    if (kind === "zip") await unpackZip(archive, target, signal);
    else await unpackTar(archive, kind === "gzip", target, signal);
    const found = await stat(join(temporary, entry)).catch(() => undefined);
    if (found === undefined) throw new ArchiveFault(`there is no ${entry} in it`);
    await rename(join(temporary, entry), join(folder, entry));
  } catch (error) {
    signal?.throwIfAborted();
    throw unpackError(archive, folder, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The folder that is unpacked into, and what has come of it. */
class Target {
  private readonly made = new Set<string>();
  private files = 0;
  private sizeBytes = 0;

  constructor(
    private readonly root: string,
    private readonly entry: string,
    readonly limits: UnpackLimits,
  ) {}

  /** Counts an entry, be it wanted or not. Throws ArchiveFault beyond the limits. */
  count(sizeBytes: number): void {
    this.files += 1;
    this.sizeBytes += sizeBytes;
    if (this.files > this.limits.files || this.sizeBytes > this.limits.sizeBytes)
      throw new ArchiveFault(
        `it has more than ${this.limits.files} files or ${this.limits.sizeBytes} bytes`,
      );
  }

  /** Where a file of this name is to be written, its folder made; undefined if it is not wanted. */
  async place(name: string): Promise<string | undefined> {
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    const shown = JSON.stringify(name.slice(0, 200));
    if (/^\/|^[A-Za-z]:|[\\\0]/.test(name) || parts.includes(".."))
      throw new ArchiveFault(`it names a path outside, ${shown}`);
    if (parts.length > MAX_DEPTH) throw new ArchiveFault(`it names a path too deep, ${shown}`);
    if (parts[0] !== this.entry || name.endsWith("/")) return undefined;
    const path = join(this.root, ...parts);
    const folder = dirname(path);
    if (!this.made.has(folder)) await mkdir(folder, { recursive: true });
    this.made.add(folder);
    return path;
  }
}

async function unpackTar(
  archive: string,
  gzip: boolean,
  target: Target,
  signal?: AbortSignal,
): Promise<void> {
  const entries = tarEntries();
  const { files, sizeBytes } = target.limits;
  const mostBytes = sizeBytes + files * TAR_ENTRY_BYTES + TAR_END_BYTES;
  const options = signal === undefined ? {} : { signal };
  const write = async () => {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      target.count(size);
      const path = type === "file" ? await target.place(name) : undefined;
      // No dataset has links or devices.
      if (path === undefined) entry.resume();
      else await pipeline(entry, createWriteStream(path), options);
    }
  };
  // When one side fails the other ends early, with an error that says no more than that.
  const [read, written] = await Promise.allSettled([
    streamUnpacked(archive, { gzip, mostBytes }, entries, signal),
    write(),
  ]);
  const early = (error: unknown) => systemErrorCode(error) === "ERR_STREAM_PREMATURE_CLOSE";
  const faults = [written, read].flatMap((side) =>
    side.status === "rejected" ? [side.reason as unknown] : [],
  );
  const fault =
    faults.find((error) => error instanceof ArchiveFault) ?? faults.find((e) => !early(e));
  if (faults.length > 0) throw fault ?? faults[0];
}

async function unpackZip(archive: string, target: Target, signal?: AbortSignal): Promise<void> {
  const zip = await yauzl.openPromise(archive, { lazyEntries: true });
  try {
    for await (const entry of zip.eachEntry()) {
      signal?.throwIfAborted();
      target.count(entry.uncompressedSize);
      // The upper half of a Unix archive's attributes is the file's mode, of which these bits tell a
      // link or a device from a file.
      const kind = (entry.externalFileAttributes >>> 16) & 0o170000;
      if (kind !== 0 && kind !== 0o100000) continue;
      const path = await target.place(entry.fileName);
      if (path === undefined) continue;
      // yauzl itself sees to it that no more comes than the entry says.
      await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(path));
    }
  } finally {
    zip.close();
  }
}

function unpackError(archive: string, folder: string, error: unknown): unknown {
  const code = systemErrorCode(error);
  const isDisk = code !== undefined && /^E[A-Z]+$/.test(code);
  if (isDisk)
    return new UserError(
      archive,
      `cannot be unpacked into ${folder} (${code})`,
      "a readable archive, and room for its files",
      code === "ENOSPC" || code === "EDQUOT"
        ? "free some room, then type the same command again"
        : "check the folder's permissions and what lies in it",
      { cause: error },
    );
  // tar-stream, yauzl and zlib throw plain Errors. Any other is a bug.
  const isPlain = error instanceof Error && error.constructor === Error;
  const isFault = error instanceof ArchiveFault || error instanceof TooLargeError;
  if (!isPlain && !isFault) return error;
  return new UserError(
    archive,
    `cannot be unpacked: ${error.message}`,
    "the whole archive, as its publisher has it",
    "remove it, so that it is fetched again, or download it again",
    { cause: error },
  );
}
