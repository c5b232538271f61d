/** Finds a dataset in the layout of its publisher, and brings what is missing of it. */
import { rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exists } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import { acquireLock } from "../../fetch/file-lock.js";
import { makeFolder } from "../../fetch/make-folder.js";
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
 * from archives that lie there, which stay, or from fetched ones, which are unpacked and removed.
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
    for (const part of await missingParts(dataset, home)) await bring(part, home, request);
  } finally {
    await lock.release();
  }
  return home;
}

/** Brings a part into a folder that lacks it. */
async function bring(part: PublishedPart, home: string, request: DataFetch): Promise<void> {
  const archive = join(home, fileName(part));
  const isThere = await exists(archive);
  if (!isThere) await fetchPublished(part, home, request);
  if (part.unpacked === undefined) return;
  request.note?.(`unpacking ${archive}`);
  await unpackArchive(archive, part.unpacked, home, request.signal);
  if (!isThere) await rm(archive);
}

async function missingParts(
  { parts }: PublishedDataset,
  folder: string,
): Promise<readonly PublishedPart[]> {
  const there = await Promise.all(
    parts.map((part) => exists(join(folder, part.unpacked ?? fileName(part)))),
  );
  return parts.filter((_, i) => !there[i]);
}

/** @throws UserError unless all that is missing in the folder lies there as an archive */
async function checkWithin(
  dataset: PublishedDataset,
  datadir: string,
  home: string,
): Promise<void> {
  const missing = await missingParts(dataset, home);
  const there = await Promise.all(missing.map((part) => exists(join(home, fileName(part)))));
  const wanted = missing.filter((_, i) => !there[i]);
  if (wanted.length === 0) return;
  const { name, places, parts } = dataset;
  const folders = places.map((place) => resolve(datadir, place));
  const layout = parts.map((part) => part.unpacked ?? fileName(part)).join(", ");
  throw new UserError(
    resolve(datadir),
    `no ${name} there, and nothing is fetched with --offline`,
    `${layout} in one of ${folders.join(", ")}`,
    `leave out --offline, or download into ${folders[0]} (archives as they are):` +
      wanted.map((part) => `\n    ${describePublished(part)}`).join(""),
  );
}
