/**
 * How CIFAR-10 and CIFAR-100 are published, and where in a data folder they may lie.
 *
 * Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", and the description
 * of the files at https://www.cs.toronto.edu/~kriz/cifar.html.
 */

import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readError, readWhole } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { readTarGz } from "../formats/tar-gz.js";

/** Where the archives are fetched from. */
export const DOWNLOAD_PAGE = "https://www.cs.toronto.edu/~kriz/";

/** One of the two published forms of a dataset. */
export interface CifarLayout {
  readonly format: "python" | "binary";
  /** The folder in which the official archive keeps its files. */
  readonly folder: string;
  readonly archive: string;
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** The file with the class names. It may be absent: the names are known. */
  readonly names: string;
  /** Label bytes before each image of the binary form; the last of them is the class. */
  readonly labelBytes: 1 | 2;
}

const batches = (name: string, suffix = "") => [1, 2, 3, 4, 5].map((i) => `${name}_${i}${suffix}`);

/** The published forms by dataset, the more common one first. */
export const CIFAR_LAYOUTS: Readonly<Record<"cifar10" | "cifar100", readonly CifarLayout[]>> = {
  cifar10: [
    {
      format: "python",
      folder: "cifar-10-batches-py",
      archive: "cifar-10-python.tar.gz",
      train: batches("data_batch"),
      test: ["test_batch"],
      names: "batches.meta",
      labelBytes: 1,
    },
    {
      format: "binary",
      folder: "cifar-10-batches-bin",
      archive: "cifar-10-binary.tar.gz",
      train: batches("data_batch", ".bin"),
      test: ["test_batch.bin"],
      names: "batches.meta.txt",
      labelBytes: 1,
    },
  ],
  cifar100: [
    {
      format: "python",
      folder: "cifar-100-python",
      archive: "cifar-100-python.tar.gz",
      train: ["train"],
      test: ["test"],
      names: "meta",
      labelBytes: 2,
    },
    {
      format: "binary",
      folder: "cifar-100-binary",
      archive: "cifar-100-binary.tar.gz",
      train: ["train.bin"],
      test: ["test.bin"],
      names: "fine_label_names.txt",
      labelBytes: 2,
    },
  ],
};

/** A dataset's files where they were found. */
export interface CifarFiles {
  readonly layout: CifarLayout;
  /** What a message calls a file. */
  readonly describe: (name: string) => string;
  /** A file's contents, or undefined for a file of class names that is not there. */
  readonly read: (name: string) => Promise<Buffer | undefined>;
}

/**
 * Looks for a dataset in `datadir` itself, in its official subfolder, and in its official archive;
 * the first complete one is taken.
 * @throws UserError if nothing is found, or only a part
 */
export async function findCifar(
  dataset: keyof typeof CIFAR_LAYOUTS,
  datadir: string,
): Promise<CifarFiles> {
  const layouts = CIFAR_LAYOUTS[dataset];
  const { found, partial } = await lookFor(layouts, datadir);
  if (found !== undefined) return found();
  if (partial !== undefined) throw missingFiles(partial.folder, partial.missing);
  const places = layouts.flatMap(({ folder, archive }) => [`${folder}/`, archive]);
  throw new UserError(
    resolve(datadir),
    `no ${dataset} there`,
    `one of ${places.join(", ")}, or the files of such a folder`,
    `download ${layouts.map(({ archive }) => DOWNLOAD_PAGE + archive).join(" or ")} ` +
      "into this folder (it need not be unpacked), or name another one with --datadir",
  );
}

/** Whether some of a dataset's files, or its archive, lie where `findCifar` looks for them. */
export async function isCifarThere(
  dataset: keyof typeof CIFAR_LAYOUTS,
  datadir: string,
): Promise<boolean> {
  const { found, partial } = await lookFor(CIFAR_LAYOUTS[dataset], datadir);
  return found !== undefined || partial !== undefined;
}

interface Search {
  /** Opens the first complete form; undefined where there is none. */
  readonly found: (() => CifarFiles | Promise<CifarFiles>) | undefined;
  /** The first folder that holds some of the files, but not all. */
  readonly partial: { readonly folder: string; readonly missing: string[] } | undefined;
}

async function lookFor(layouts: readonly CifarLayout[], datadir: string): Promise<Search> {
  let partial: Search["partial"];
  for (const layout of layouts)
    for (const folder of [join(datadir, layout.folder), resolve(datadir)]) {
      const needed = [...layout.train, ...layout.test];
      const present = await Promise.all(needed.map((name) => isFile(join(folder, name))));
      const missing = needed.filter((_, i) => !present[i]);
      if (missing.length === 0) return { found: () => inFolder(layout, folder), partial };
      if (missing.length < needed.length) partial ??= { folder, missing };
    }
  for (const layout of layouts) {
    const archive = join(datadir, layout.archive);
    if (await isFile(archive)) return { found: () => inArchive(layout, archive), partial };
  }
  return { found: undefined, partial };
}

// The largest file, CIFAR-100's training set, has 155 MB.
const mostBytes = 2 ** 28;

function inFolder(layout: CifarLayout, folder: string): CifarFiles {
  const describe = (name: string) => join(folder, name);
  return {
    layout,
    describe,
    read: async (name) => {
      if (name === layout.names && !(await isFile(describe(name)))) return undefined;
      try {
        return Buffer.from((await readWhole(describe(name), mostBytes)).buffer);
      } catch (error) {
        throw readError(describe(name), error, "unpack the archive again");
      }
    },
  };
}

async function inArchive(layout: CifarLayout, archive: string): Promise<CifarFiles> {
  const needed = [...layout.train, ...layout.test];
  const inside = (name: string) => `${layout.folder}/${name}`;
  const contents = await readTarGz(archive, new Set([...needed, layout.names].map(inside)));
  const missing = needed.filter((name) => !contents.has(inside(name)));
  if (missing.length > 0) throw missingFiles(archive, missing.map(inside));
  return {
    layout,
    describe: (name) => `${archive} (${inside(name)})`,
    read: async (name) => {
      const bytes = contents.get(inside(name));
      // Each file is read once and need not stay in memory after that.
      contents.delete(inside(name));
      return bytes;
    },
  };
}

function missingFiles(where: string, missing: readonly string[]): UserError {
  return new UserError(
    where,
    `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing`,
    "all files of the official archive",
    "unpack the archive again, or leave it in --datadir as it is",
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
