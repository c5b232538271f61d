/**
 * Brings a model of the Hugging Face Hub into a folder, complete and checked, or not at all: first into
 * `<folder>/<name>.part/`, where a download that broke off is gone on with.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openArchive } from "../archive/array-archive.js";
import { freeBytesOf, requireRoom } from "../disk/disk-room.js";
import { fileHash } from "../disk/file-hash.js";
import { acquireLock } from "../disk/file-lock.js";
import { exists } from "../disk/file-reading.js";
import { nodeFileSystem } from "../disk/file-system.js";
import { makeFolder } from "../disk/make-folder.js";
import { sweepLeftovers, temporaryName } from "../disk/temporary-name.js";
import { UserError } from "../errors.js";
import { FileRefused } from "../fetch/connection.js";
import { fetchFile } from "../fetch/fetch-file.js";
import { finishPart, removePart } from "../fetch/partial-file.js";
import { variableSpecs } from "../model/architecture.js";
import { fitArchive, headClasses } from "../model/checkpoint.js";
import { checkWeights } from "../model/read-weights.js";
import { recordChecksum } from "./checksums.js";
import type { DownloadOptions } from "./download-model.js";
import { hubFiles, hubModel, hubWeights, readHubConfig } from "./hub-folder.js";
import {
  authorizationOf,
  findHubFile,
  type HubAccess,
  type HubFile,
  type HubRepository,
  hubAccess,
} from "./hub-repository.js";

export interface HubDownloadOptions extends Omit<DownloadOptions, "baseUrl"> {
  /** Default by `$HF_ENDPOINT` and `$HF_TOKEN`. */
  readonly access?: HubAccess | undefined;
}

/** A model's folder. */
export interface DownloadedFolder {
  readonly path: string;
  readonly sizeBytes: number;
  /** False where it was there already. */
  readonly fetched: boolean;
}

/** What is to be fetched of a repository, all of one commit. */
export interface HubPlan {
  /** `config.json` first. */
  readonly files: readonly HubFile[];
  /** Of those whose length the Hub says. */
  readonly sizeBytes: number;
}

/** Configurations are small; a longer one is something else. */
const MOST_JSON_BYTES = 64 * 2 ** 20;

/** Where a repository's model lies in a folder of models. */
export function hubFolder(folder: string, { name }: HubRepository): string {
  return join(folder, name);
}

/**
 * Downloads a BiT of timm's or transformers' to `<folder>/<name>/`, unless it is there. Its files are
 * those of one commit; each is held against the digest that the Hub has for it, and the weights against
 * the configuration, before the folder takes its name. Digests of weights are recorded in `SHA256SUMS`.
 * @throws FileLocked where another process is downloading it
 * @throws FileRefused where the Hub refuses, what comes is not what it says, or no BiT in safetensors;
 *   or where another model lies under its name
 * @throws UserError where the connection keeps breaking, or the disk has no room
 */
export async function downloadHubModel(
  repository: HubRepository,
  options: HubDownloadOptions = {},
): Promise<DownloadedFolder> {
  const { folder = ".", note, signal, force = false } = options;
  const access = options.access ?? hubAccess();
  const path = hubFolder(folder, repository);
  await makeFolder(folder, "--bit_pretrained_dir");
  const lock = await acquireLock(path, { purpose: "downloading it", signal, note });
  try {
    const plan = await planHubModel(repository, { ...options, access });
    const there = (await exists(path)) && !force ? await sameThere(path, plan, signal) : undefined;
    if (there !== undefined) return there;
    const part = `${path}.part`;
    const free = await (options.freeBytesOf ?? freeBytesOf)(folder);
    requireRoom(folder, plan.sizeBytes - (await presentBytes(part, plan)), free);
    await mkdir(part, { recursive: true });
    for (const file of plan.files) {
      await bring(file, part, { ...options, access });
      // Before gigabytes come.
      if (file.file === hubFiles.config) await requireConfig(part, file);
    }
    await prove(part, plan, options);
    if (await exists(path)) await requireNothingElse(path);
    lock.requireHeld();
    await finish(part, path, repository, options);
    return { path, sizeBytes: plan.sizeBytes, fetched: true };
  } finally {
    await lock.release();
  }
}

/**
 * Asks the Hub which files a model consists of.
 * @throws as `downloadHubModel`
 */
export async function planHubModel(
  repository: HubRepository,
  options: HubDownloadOptions = {},
): Promise<HubPlan> {
  const access = options.access ?? hubAccess();
  const { progress, checking, ...asking } = options;
  const find = (file: string, at: HubRepository) => findHubFile(access, at, file, asking);
  const config = await find(hubFiles.config, repository);
  if (config === undefined) throw without(repository, hubFiles.config);
  // A branch may move on between two files.
  const at = { ...repository, revision: config.commit ?? repository.revision };
  const pinned = (await find(hubFiles.config, at)) ?? config;
  const preprocessor = await find(hubFiles.preprocessor, at);
  const weights = await find(hubFiles.weights, at);
  if (weights === undefined) throw without(repository, hubFiles.weights);
  const files = [pinned, ...(preprocessor === undefined ? [] : [preprocessor]), weights];
  return { files, sizeBytes: files.reduce((sum, file) => sum + (file.sizeBytes ?? 0), 0) };
}

function without({ owner, name, revision }: HubRepository, file: string): FileRefused {
  return new FileRefused(
    `hf:${owner}/${name}@${revision}`,
    `has no ${file}`,
    `a BiT of timm's or transformers' in safetensors: ${hubFiles.config} and ${hubFiles.weights}`,
    "take another repository or revision, such as hf:timm/resnetv2_50x1_bit.goog_in21k",
  );
}

/** What lies under the model's name, where that is the model. */
async function sameThere(
  path: string,
  { files, sizeBytes }: HubPlan,
  signal: AbortSignal | undefined,
): Promise<DownloadedFolder> {
  for (const file of files) {
    const problem = await problemOf(join(path, file.file), file, signal);
    if (problem === undefined) continue;
    throw new FileRefused(
      join(path, file.file),
      problem,
      `what the Hub has for it (${file.url}), or nothing yet`,
      "move the folder away, choose another with --bit_pretrained_dir, or replace it with --force",
    );
  }
  return { path, sizeBytes, fetched: false };
}

async function presentBytes(part: string, { files }: HubPlan): Promise<number> {
  let bytes = 0;
  for (const { file, sizeBytes = 0 } of files)
    for (const name of [file, `${file}.part`]) {
      const size = (await stat(join(part, name)).catch(() => undefined))?.size ?? 0;
      bytes += Math.min(size, sizeBytes);
    }
  return bytes;
}

/** Fetches one file into the folder, unless it is there and right. */
async function bring(
  file: HubFile,
  folder: string,
  { access, ...options }: HubDownloadOptions & { readonly access: HubAccess },
): Promise<void> {
  const path = join(folder, file.file);
  const { signal, checking } = options;
  if ((await exists(path)) && (await problemOf(path, file, signal)) === undefined) return;
  const part = `${path}.part`;
  const mostBytes = file.sizeBytes ?? (file.file.endsWith(".json") ? MOST_JSON_BYTES : undefined);
  const authorization = authorizationOf(access);
  await fetchFile(file.url, part, { ...options, authorization, mostBytes });
  const problem = await problemOf(part, file, signal, checking);
  if (problem === undefined) return finishPart(part, path);
  await removePart(part);
  throw new FileRefused(
    file.url,
    `what came ${problem}`,
    "what the Hub says of the file",
    "type the same command again; if it persists, there is something between the Hub and you",
  );
}

/** In what a file is not what the Hub says of it. */
async function problemOf(
  path: string,
  { sizeBytes, digest }: HubFile,
  signal?: AbortSignal,
  checking?: (doneBytes: number, totalBytes: number) => void,
): Promise<string | undefined> {
  const size = (await stat(path).catch(() => undefined))?.size;
  if (size === undefined) return "is not there";
  if (sizeBytes !== undefined && size !== sizeBytes)
    return `has ${size} bytes instead of ${sizeBytes}`;
  if (digest === undefined) return undefined;
  const hash = createHash(digest.kind === "sha256" ? "sha256" : "sha1");
  // Git's digest of a blob has its length in front.
  if (digest.kind === "git-sha1") hash.update(`blob ${size}\0`);
  let done = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
    done += (chunk as Buffer).length;
    checking?.(done, size);
  }
  const hex = hash.digest("hex");
  const name = digest.kind === "sha256" ? "SHA-256" : "Git digest";
  return hex === digest.hex ? undefined : `has the ${name} ${hex} instead of ${digest.hex}`;
}

async function requireConfig(folder: string, { url }: HubFile): Promise<void> {
  await refusing(folder, url, async () => {
    if ((await readHubConfig(folder)) !== undefined) return;
    const config = join(folder, hubFiles.config);
    throw new UserError(config, "is no configuration of timm's or transformers'", "one", "");
  });
}

/** Reads the weights, and holds them against the configuration. */
async function prove(
  folder: string,
  { files }: HubPlan,
  { signal }: HubDownloadOptions,
): Promise<void> {
  const weights = await hubWeights(folder);
  if (weights === undefined) throw new Error(`${folder}: the weights were fetched, and are gone`);
  const { url } = files.at(-1)!;
  await refusing(folder, url, async () => {
    const archive = await openArchive(weights);
    try {
      const model = await hubModel(archive);
      if (model === undefined) throw new Error(`${weights}: opened as safetensors`);
      const { architecture } = model;
      const arrays = archive.names.map((name) => archive.entry(name));
      const classes = headClasses(arrays);
      const specs = variableSpecs(architecture, classes ?? 1);
      const fit = { where: weights, model: architecture.name, newHead: classes === undefined };
      await checkWeights(archive, fitArchive(specs, arrays, fit), specs, signal);
    } finally {
      await archive.close();
    }
  });
}

/** Tells what a repository is refused for as a FileRefused of its own. */
async function refusing(folder: string, url: string, call: () => Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await rm(folder, { recursive: true, force: true });
    throw new FileRefused(
      url,
      `is no BiT that can be taken: ${error.got}`,
      "a resnetv2_*_bit of timm's, or a BitForImageClassification with BiT's own padding",
      "take another repository or revision",
      { cause: error },
    );
  }
}

/** A folder that is replaced must not take anything of the user's with it. */
async function requireNothingElse(path: string): Promise<void> {
  const known: readonly string[] = Object.values(hubFiles);
  const other = (await readdir(path)).find((name) => !known.includes(name));
  if (other === undefined) return;
  throw new FileRefused(
    path,
    `holds ${other} beside a model's files`,
    "nothing else in a folder that --force replaces",
    "move it away, or choose another folder with --bit_pretrained_dir",
  );
}

async function finish(
  part: string,
  path: string,
  { name }: HubRepository,
  { folder = ".", signal }: HubDownloadOptions,
): Promise<void> {
  const sha256 = await fileHash(join(part, hubFiles.weights), "sha256", signal);
  await recordChecksum(folder, `${name}/${hubFiles.weights}`, sha256);
  await sweepLeftovers(dirname(path));
  // Only with --force is there something.
  const old = temporaryName(path);
  if (await exists(path)) await rename(path, old);
  await rename(part, path);
  await rm(old, { recursive: true, force: true });
  await nodeFileSystem.syncFolder(folder).catch(() => undefined);
}
