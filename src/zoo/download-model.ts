/** Brings a published model into a folder, complete or not at all. */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { freeBytesOf, requireRoom } from "../disk/disk-room.js";
import { acquireLock } from "../disk/file-lock.js";
import { makeFolder } from "../disk/make-folder.js";
import { UserError } from "../errors.js";
import { FileRefused } from "../fetch/connection.js";
import { type FetchOptions, fetchFile } from "../fetch/fetch-file.js";
import { finishPart, removePart } from "../fetch/partial-file.js";
import {
  ArchiveProblem,
  archiveProblem,
  classesIn,
  type ProvenArchive,
  proveArchive,
  sizeRemark,
} from "./check-archive.js";
import { CHECKSUMS, readChecksums, recordChecksum } from "./checksums.js";
import { partPath, planDownload } from "./local-models.js";
import { findZooModel, modelBytes, modelPath, ZOO_URL, type ZooModel, zooUrl } from "./models.js";

export interface DownloadOptions extends FetchOptions {
  /** Where `<model>.npz` is to lie; made where it is not there. Default `.`. */
  readonly folder?: string | undefined;
  /** Where the zoo lies; default `$BIT_BASE_URL`, or the official address. */
  readonly baseUrl?: string | undefined;
  /** Fetch it also where it is there. */
  readonly force?: boolean | undefined;
  /** Told how much of what came is checked, of how much. */
  readonly checking?: ((doneBytes: number, totalBytes: number) => void) | undefined;
  /** Bytes free on a folder's disk; default asks the system. */
  readonly freeBytesOf?: ((folder: string) => Promise<number | undefined>) | undefined;
}

export interface DownloadedModel {
  readonly path: string;
  readonly sizeBytes: number;
  /** False where it was there already. */
  readonly fetched: boolean;
}

/**
 * Downloads a model to `<folder>/<name>.npz`, unless it is there and whole. Until it is complete and
 * proven to be the model, it has another name. Its SHA-256 is recorded in `<folder>/SHA256SUMS`;
 * where that has one already, another is refused.
 * @param model a published name, or an entry like those of the zoo's table
 * @throws FileLocked where another process is downloading it, or has taken that over
 * @throws FileRefused where the server refuses, what comes is not the model, or another archive
 *   lies under its name
 * @throws UserError where the name is unknown, the connection keeps breaking, or the disk has no
 *   room
 */
export async function downloadModel(
  model: string | ZooModel,
  options: DownloadOptions = {},
): Promise<DownloadedModel> {
  const wanted = typeof model === "string" ? findZooModel(model) : model;
  const { folder = ".", baseUrl = zooUrl(), note } = options;
  const path = modelPath(folder, wanted.name);
  const url = addressOf(wanted, baseUrl);
  if (await isThere(path, wanted, options)) return there(path, wanted, note);

  await makeFolder(dirname(path), "--bit_pretrained_dir");
  const lock = await acquireLock(path, { purpose: "downloading it", signal: options.signal, note });
  try {
    // Somebody else may have brought it in the meantime.
    if (await isThere(path, wanted, { ...options, note: undefined }))
      return await there(path, wanted, note);
    await requireRoomFor(wanted, folder, options);
    const part = partPath(path);
    await fetchFile(url, part, { ...options, mostBytes: mostBytes(wanted) });
    const { sizeBytes, sha256, classes } = await proven(part, url, wanted, options);
    lock.requireHeld();
    // First, so that no crash leaves a file that was never recorded.
    await recordChecksum(folder, `${wanted.name}.npz`, sha256);
    await finishPart(part, path);
    const remark = sizeRemark(path, sizeBytes, wanted, classes);
    if (remark !== undefined) note?.(remark);
    return { path, sizeBytes, fetched: true };
  } finally {
    await lock.release();
  }
}

/**
 * The longest archive that is taken for the model: a tenth more than the official one, for one that was
 * packed otherwise, and 16 MiB, for another head.
 */
function mostBytes(wanted: ZooModel): number {
  return Math.ceil(1.1 * modelBytes(wanted)) + 2 ** 24;
}

/** The address of a model. Throws UserError where `baseUrl` is no http(s) address. */
export function addressOf({ path }: ZooModel, baseUrl: string = zooUrl()): string {
  if (URL.canParse(baseUrl) && /^https?:$/.test(new URL(baseUrl).protocol))
    return `${baseUrl.replace(/\/+$/, "")}/${path}`;
  throw new UserError(
    baseUrl || "the zoo's address",
    "is no address to download from",
    `an http or https address, such as ${ZOO_URL}`,
    "correct --base_url or BIT_BASE_URL, or leave both out for the official address",
  );
}

/** Whether the model is there and whole. Throws FileRefused where the file is something else. */
async function isThere(
  path: string,
  wanted: ZooModel,
  { force = false, note }: DownloadOptions,
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isFile()) {
    if (force) return false;
    const problem = await archiveProblem(path, wanted);
    if (problem === undefined) return true;
    if (problem.damaged) {
      note?.(`${path} is there, but ${problem.got}; it will be replaced`);
      return false;
    }
  }
  throw new FileRefused(
    path,
    found.isFile() ? `is another archive than ${wanted.name}` : "is not a file",
    `${wanted.name}, or nothing yet`,
    "move it away, choose another folder with --bit_pretrained_dir, or replace a file with --force",
  );
}

async function there(
  path: string,
  wanted: ZooModel,
  note: FetchOptions["note"],
): Promise<DownloadedModel> {
  const { size: sizeBytes } = await stat(path);
  const remark = sizeRemark(path, sizeBytes, wanted, await classesIn(path, wanted));
  if (remark !== undefined) note?.(remark);
  return { path, sizeBytes, fetched: false };
}

async function requireRoomFor(
  wanted: ZooModel,
  folder: string,
  { force, freeBytesOf: free = freeBytesOf }: DownloadOptions,
): Promise<void> {
  const plan = await planDownload([wanted], { folder, force, freeBytesOf: free });
  requireRoom(folder, plan.missingBytes, plan.freeBytes);
}

/** Proves a whole part to be the model; removes it and throws FileRefused where it is not. */
async function proven(
  part: string,
  url: string,
  wanted: ZooModel,
  { folder = ".", force = false, signal, checking }: DownloadOptions,
): Promise<ProvenArchive> {
  try {
    const digest = await proveArchive(part, wanted, { signal, progress: checking });
    const recorded = (await readChecksums(folder)).get(`${wanted.name}.npz`);
    if (force || recorded === undefined || recorded === digest.sha256) return digest;
    throw new FileRefused(
      url,
      `what came has the SHA-256 ${digest.sha256}`,
      `${recorded}, which ${CHECKSUMS} has for it`,
      "if the file is meant to be another now, type the same command again with --force",
    );
  } catch (error) {
    const unfit = error instanceof ArchiveProblem;
    if (unfit || error instanceof FileRefused) await removePart(part);
    if (!unfit) throw error;
    throw new FileRefused(
      url,
      `what came is not ${wanted.name}: ${error.got}`,
      `an .npz with the variables of ${wanted.name}`,
      "type the same command again; if it persists, open the address in a browser",
      { cause: error },
    );
  }
}
