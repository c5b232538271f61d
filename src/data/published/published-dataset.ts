/** Finds a dataset in the layout of its publisher, and brings what is missing of it. */
import { copyFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileHash } from "../../disk/file-hash.js";
import { acquireLock } from "../../disk/file-lock.js";
import { exists } from "../../disk/file-reading.js";
import { makeFolder } from "../../disk/make-folder.js";
import { UserError } from "../../errors.js";
import { unpackArchive } from "../formats/unpack-archive.js";
import {
  type DataFetch,
  describePublished,
  fetchPublished,
  fileName,
  type PublishedFile,
} from "./published-file.js";

/** A file of a dataset. */
export interface PublishedPart extends PublishedFile {
  /** For an archive: the folder in it that is wanted. Any other file is used as it is. */
  readonly unpacked?: string;
  /** A path in that folder without which the folder is another's of the same name. */
  readonly holds?: string;
}

/** A dataset as it is published. */
export interface PublishedDataset {
  readonly name: string;
  readonly parts: readonly PublishedPart[];
  /** Folders below the data folder in which it is looked for; it is brought into the first. */
  readonly places: readonly [home: string, ...others: string[]];
}

/**
 * Finds a dataset that is whole in one of its places. Otherwise completes it in the first of them:
 * from files that lie in one of its places or in the data folder, which stay, or from fetched ones, of
 * which archives are unpacked and removed.
 * @returns the folder in which its parts lie
 * @throws UserError where something is missing and cannot be had, naming what to download
 */
export async function findOrFetch(
  dataset: PublishedDataset,
  datadir: string,
  request: DataFetch,
): Promise<string> {
  for (const place of dataset.places) {
    const folder = join(datadir, place);
    if ((await missingParts(dataset, folder)).length === 0) return folder;
  }
  const home = join(datadir, dataset.places[0]);
  if (request.offline) await checkWithin(dataset, datadir, home);
  await makeFolder(home, "--datadir");
  const lock = await acquireLock(join(home, dataset.name), {
    purpose: `bringing ${dataset.name} there`,
    signal: request.signal,
    note: request.note,
  });
  try {
    for (const part of await missingParts(dataset, home))
      await bring(part, home, await whereFileLies(part, dataset, datadir), request);
  } finally {
    await lock.release();
  }
  return home;
}

/**
 * Brings a part into a folder that lacks it.
 * @param file the file as it is published, if it lies somewhere
 */
async function bring(
  part: PublishedPart,
  home: string,
  file: string | undefined,
  request: DataFetch,
): Promise<void> {
  const path = join(home, fileName(part));
  if (file === undefined) await fetchPublished(part, home, request);
  else if (part.unpacked === undefined) await copyWhole(file, path);
  if (part.unpacked === undefined) return;
  const archive = file ?? path;
  request.note?.(`unpacking ${archive}`);
  await unpackArchive(archive, part.unpacked, home, request.signal);
  if (file === undefined) await rm(archive);
}

/** Under its name only when it is whole. */
async function copyWhole(file: string, path: string): Promise<void> {
  await copyFile(file, `${path}.part`);
  await rename(`${path}.part`, path);
}

/** A part's file as it is published, in one of the dataset's places or in the data folder. */
async function whereFileLies(
  part: PublishedPart,
  { places }: PublishedDataset,
  datadir: string,
): Promise<string | undefined> {
  const within = (place: string) => join(datadir, place, fileName(part));
  for (const path of places.map(within)) if (await exists(path)) return path;
  // In the data folder itself, a name such as images.tar.gz says little: the sum tells.
  const loose = within(".");
  const isOurs = (await exists(loose)) && (await fileHash(loose, "md5")) === part.md5;
  return isOurs ? loose : undefined;
}

async function missingParts(
  { parts }: PublishedDataset,
  folder: string,
): Promise<readonly PublishedPart[]> {
  const there = await Promise.all(
    parts.map((part) =>
      exists(join(folder, part.unpacked ?? fileName(part), ...(part.holds ? [part.holds] : []))),
    ),
  );
  return parts.filter((_, i) => !there[i]);
}

/** @throws UserError unless all that is missing in the folder lies somewhere as it is published */
async function checkWithin(
  dataset: PublishedDataset,
  datadir: string,
  home: string,
): Promise<void> {
  const missing = await missingParts(dataset, home);
  const files = await Promise.all(missing.map((part) => whereFileLies(part, dataset, datadir)));
  const wanted = missing.filter((_, i) => files[i] === undefined);
  if (wanted.length === 0) return;
  const { name, places, parts } = dataset;
  const folders = places.map((place) => resolve(datadir, place));
  const layout = parts.map((part) => part.unpacked ?? fileName(part)).join(", ");
  throw new UserError(
    resolve(datadir),
    `no ${name} there, and nothing is fetched with --offline or --dry_run`,
    `${layout} in one of ${folders.join(", ")}`,
    `leave that out, or download into ${folders[0]} (archives as they are):` +
      wanted.map((part) => `\n    ${describePublished(part)}`).join(""),
  );
}
