/** A copy of a dataset's folder in which images that the engine does not decode are PNG or JPEG. */

import { constants } from "node:fs";
import { access, copyFile, mkdir, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, extname, join, posix, resolve, sep } from "node:path";
import { counted } from "../../counted.js";
import { writeProblem } from "../../disk/atomic-file.js";
import { readWhole } from "../../disk/file-reading.js";
import { makeFolderAtomically } from "../../disk/new-folder.js";
import { systemErrorCode, UserError } from "../../errors.js";
import type { UnreadableImage } from "../dataset.js";
import { listFolder } from "../files/class-folders.js";
import { hasImageExtension, readImageHeader } from "../files/image-header.js";
import { CONVERTED_FORMATS } from "../image-formats/image-format.js";
import { listed } from "../listed.js";
import { encodePixels, foreignPixels, NotConverted, type TargetFormat } from "./foreign-pixels.js";
import { TABLE_ENDINGS, withNewPaths } from "./table-paths.js";

export interface ConvertOptions {
  /** A folder, or one file. */
  readonly from: string;
  /** The copy, which is not there yet. */
  readonly to: string;
  readonly format: TargetFormat;
  /** Images that cannot be converted: refused, or copied as they are and named. */
  readonly badImages: "refuse" | "skip";
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Stops it, leaving nothing; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

export interface ConvertReport {
  readonly to: string;
  /** How many images of each format were converted. */
  readonly converted: Readonly<Record<string, number>>;
  /** Files that were copied as they are. */
  readonly copied: number;
  /** Tables in which names of images were changed. */
  readonly tables: readonly string[];
  /** Hidden entries, and what is neither file nor folder: not copied. */
  readonly skipped: number;
  /** Images that could not be converted, copied as they are. */
  readonly unconverted: readonly UnreadableImage[];
}

/** A file of the source, by its path with `/` relative to the folder. */
interface SourceFile {
  readonly path: string;
  /** Of an image that is to be converted: its format, and the path of what it becomes. */
  readonly image?: { readonly format: string; readonly newPath: string };
}

/** A larger file of one image is none of a photo or a scan. */
const MOST_BYTES = 2 ** 30;

/**
 * Writes the copy: under a temporary name beside it, and renamed when it is whole.
 * @throws UserError where source or target is unfit, an image cannot be converted and shall be refused,
 * or the system refuses
 */
export async function convertFolder(options: ConvertOptions): Promise<ConvertReport> {
  const { from, to } = options;
  await checkPlaces(from, to);
  return makeFolderAtomically(to, "--to", async (temporary) => {
    try {
      return await fill(temporary, options);
    } catch (error) {
      throw writeProblem(to, error);
    }
  });
}

async function checkPlaces(from: string, to: string): Promise<void> {
  const source = await realpath(from).catch((error: unknown) => {
    const got = `cannot be found (${systemErrorCode(error)})`;
    throw new UserError(from, got, "a folder of images, or an image", "check the path");
  });
  const there = await stat(to).catch(() => undefined);
  if (there !== undefined)
    throw new UserError(to, "exists already", "a name that is free", "give another name with --to");
  const target = resolve(to);
  if (!`${target}${sep}`.startsWith(`${source}${sep}`)) return;
  throw new UserError(
    to,
    `lies within ${from}`,
    "a folder beside the one that is copied, which is left as it is",
    "give another folder with --to",
  );
}

async function fill(target: string, options: ConvertOptions): Promise<ConvertReport> {
  const { from, badImages, progress, signal } = options;
  const { root, files, skipped } = await listSource(options);
  const renamed = new Map<string, string>();
  const converted: Record<string, number> = {};
  const unconverted: UnreadableImage[] = [];
  const copied: string[] = [];
  let done = 0;
  await inParallel(files, async (file) => {
    signal?.throwIfAborted();
    await mkdir(join(target, dirname(file.path)), { recursive: true });
    const source = join(root, file.path);
    const fault = await convert(source, target, file, options);
    if (file.image === undefined || fault !== undefined) {
      await copy(source, join(target, file.path));
      copied.push(file.path);
      if (fault !== undefined)
        unconverted.push({ path: source, reason: fault, kind: "unsupported" });
    } else {
      const { format, newPath } = file.image;
      renamed.set(file.path, newPath);
      converted[format] = (converted[format] ?? 0) + 1;
    }
    done += 1;
    progress?.(done, files.length);
  });
  if (unconverted.length > 0 && badImages === "refuse") {
    const named = unconverted.map(({ path, reason }) => `${path} (${reason})`).sort();
    throw new UserError(
      `${unconverted.length} of ${counted(files.length, "file")} in ${from}`,
      `cannot be converted: ${listed(named)}`,
      `whole images of the formats ${CONVERTED_FORMATS.join(", ")}`,
      "replace them, or convert them by other means; or copy them as they are: --bad_images skip",
    );
  }
  const tables = await renameInTables(target, copied, renamed);
  return { to: options.to, converted, copied: copied.length, tables, skipped, unconverted };
}

async function listSource({ from, format, signal }: ConvertOptions) {
  const isFolder = (await stat(from)).isDirectory();
  const root = isFolder ? from : dirname(from);
  const paths: string[] = [];
  const skipped = isFolder ? await listAll(root, "", [], paths) : 0;
  if (!isFolder) paths.push(basename(from));
  const formats = new Map<string, string>();
  await inParallel(paths, async (path) => {
    signal?.throwIfAborted();
    if (!hasImageExtension(path)) return;
    const header = await readImageHeader(join(root, path));
    if (header.kind === "unsupported" && CONVERTED_FORMATS.includes(header.format))
      formats.set(path, header.format);
  });
  // In the order of the list, so that the same folder always gives the same names.
  const taken = new Set(paths.map((path) => path.toLowerCase()));
  const files = paths.map((path): SourceFile => {
    const found = formats.get(path);
    if (found === undefined) return { path };
    const newPath = freePath(path, format === "png" ? ".png" : ".jpg", taken);
    return { path, image: { format: found, newPath } };
  });
  return { root, files, skipped };
}

/** @returns why the image cannot be converted; undefined where it is, or is none of those that are */
async function convert(
  source: string,
  target: string,
  { image }: SourceFile,
  { format, signal }: ConvertOptions,
): Promise<string | undefined> {
  if (image === undefined) return undefined;
  const file = await readable(source, readWhole(source, MOST_BYTES));
  try {
    const pixels = await foreignPixels(file, image.format, signal);
    await writeFile(join(target, image.newPath), await encodePixels(pixels, format));
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof NotConverted) return error.message;
    throw error;
  }
}

async function copy(source: string, target: string): Promise<void> {
  await readable(source, access(source, constants.R_OK));
  await copyFile(source, target, constants.COPYFILE_FICLONE);
}

/** @throws UserError where the source cannot be read */
async function readable<T>(source: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw new UserError(
      source,
      `cannot be read (${systemErrorCode(error) ?? (error instanceof Error ? error.message : error)})`,
      "a file that can be read",
      "check its permissions and the disk, or remove it",
      { cause: error },
    );
  }
}

/**
 * Lists all files below a folder, links followed.
 * @returns how many entries were passed over
 */
async function listAll(
  root: string,
  folder: string,
  above: readonly string[],
  paths: string[],
): Promise<number> {
  const real = await realpath(join(root, folder));
  // A link to a folder above would be followed for ever.
  if (above.includes(real)) return 1;
  const { folders, files, skipped } = await listFolder(join(root, folder));
  for (const name of files) paths.push(posix.join(folder, name));
  let total = skipped;
  for (const name of folders)
    total += await listAll(root, posix.join(folder, name), [...above, real], paths);
  return total;
}

/** The name of a converted image: with another ending, or with one more where that name is taken. */
function freePath(path: string, ending: string, taken: Set<string>): string {
  const ended = path.slice(0, path.length - extname(path).length);
  for (const base of [ended, path]) {
    const made = base + ending;
    if (made === path) return made;
    if (taken.has(made.toLowerCase())) continue;
    taken.add(made.toLowerCase());
    return made;
  }
  throw new UserError(
    path,
    `${posix.basename(path)}${ending} is there too`,
    "a free name for the converted image",
    "rename one of the two",
  );
}

async function renameInTables(
  target: string,
  copied: readonly string[],
  renamed: ReadonlyMap<string, string>,
): Promise<string[]> {
  const tables: string[] = [];
  if (renamed.size === 0) return tables;
  for (const path of copied) {
    if (!TABLE_ENDINGS.includes(extname(path).toLowerCase())) continue;
    const bytes = await readFile(join(target, path));
    // Latin-1 keeps every byte as it is; names are compared as the system has them, in UTF-8.
    const latin1 = new Map([...renamed].map(([from, to]) => [bytewise(from), bytewise(to)]));
    const found = withNewPaths(bytes.toString("latin1"), bytewise(posix.dirname(path)), latin1);
    if (found.changed === 0) continue;
    await writeFile(join(target, path), found.text, "latin1");
    tables.push(path);
  }
  return tables.sort();
}

function bytewise(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** Ends only when all work has, so that nothing is written behind an error. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const workOn = async (): Promise<void> => {
    try {
      while (next < items.length) await work(items[next++]!);
    } catch (error) {
      next = items.length;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: availableParallelism() }, workOn));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
