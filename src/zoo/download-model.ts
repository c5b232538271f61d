/** Brings published models into a folder, each complete or not at all. */
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { NpzReader } from "../archive/npz-reader.js";
import { systemErrorCode, UserError } from "../errors.js";
import { type FetchOptions, fetchFile } from "../fetch/fetch-file.js";
import { removePart, removeRecord } from "../fetch/partial-file.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive, headClasses } from "../model/checkpoint.js";
import { findZooModel, ZOO_URL, type ZooModel } from "./models.js";

export interface DownloadOptions extends FetchOptions {
  /** Where `<model>.npz` is to lie; made where it is not there. Default `.`. */
  readonly folder?: string | undefined;
  /** Where the zoo lies; default the official address. */
  readonly baseUrl?: string | undefined;
  /** Fetch it also where it is there. */
  readonly force?: boolean | undefined;
}

export interface DownloadedModel {
  readonly path: string;
  readonly sizeBytes: number;
  /** False where it was there already. */
  readonly fetched: boolean;
}

/**
 * Downloads a model to `<folder>/<name>.npz`, unless it is there and whole. Until it is complete and
 * proven to be the model, it has another name.
 * @param model a published name, or an entry like those of the zoo's table
 * @throws UserError where the name is unknown, the server refuses, what comes is not the model, or
 *   another archive lies under its name
 */
export async function downloadModel(
  model: string | ZooModel,
  options: DownloadOptions = {},
): Promise<DownloadedModel> {
  const wanted = typeof model === "string" ? findZooModel(model) : model;
  const { folder = ".", baseUrl = ZOO_URL, force = false } = options;
  const path = join(folder, `${wanted.name}.npz`);
  await makeFolder(folder);
  if (await isThere(path, wanted, force, options.note))
    return { path, sizeBytes: (await stat(path)).size, fetched: false };

  const part = `${path}.part`;
  const url = addressOf(wanted, baseUrl);
  await fetchFile(url, part, options);
  const problem = await problemOf(part, wanted);
  if (problem !== undefined) {
    await removePart(part);
    throw new UserError(
      url,
      `what came is not ${wanted.name}: ${problem.got}`,
      `an .npz with the variables of ${wanted.name}`,
      "type the same command again; if it persists, open the address in a browser",
      { cause: problem },
    );
  }
  await rename(part, path);
  await removeRecord(part);
  return { path, sizeBytes: (await stat(path)).size, fetched: true };
}

/** The address of a model. Throws UserError where `baseUrl` is no http(s) address. */
export function addressOf({ path }: ZooModel, baseUrl: string = ZOO_URL): string {
  if (URL.canParse(baseUrl) && /^https?:$/.test(new URL(baseUrl).protocol))
    return `${baseUrl.replace(/\/+$/, "")}/${path}`;
  throw new UserError(
    baseUrl || "the zoo's address",
    "is no address to download from",
    `an http or https address, such as ${ZOO_URL}`,
    "correct BIT_MODELS_URL, or unset it for the official address",
  );
}

/** Whether the model is there and whole. Throws UserError where the file is something else. */
async function isThere(
  path: string,
  wanted: ZooModel,
  force: boolean,
  note: FetchOptions["note"],
): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return false;
  if (found.isFile()) {
    if (force) return false;
    const problem = await problemOf(path, wanted);
    if (problem === undefined) return true;
    if (problem.damaged) {
      note?.(`${path} is there, but ${problem.got}; it will be replaced`);
      return false;
    }
  }
  throw new UserError(
    path,
    found.isFile() ? `is another archive than ${wanted.name}` : "is not a file",
    `${wanted.name}, or nothing yet`,
    "move it away, choose another folder with --bit_pretrained_dir, or replace a file with --force",
  );
}

/** What is wrong with an archive; undefined where it is the model, as far as its directory tells. */
class ArchiveProblem extends Error {
  constructor(
    readonly got: string,
    /** Whether the archive cannot be read, rather than being another one. */
    readonly damaged: boolean,
    cause?: unknown,
  ) {
    super(got, { cause });
  }
}

async function problemOf(path: string, wanted: ZooModel): Promise<ArchiveProblem | undefined> {
  let archive: NpzReader;
  try {
    archive = await NpzReader.open(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new ArchiveProblem(error.got, true, error);
  }
  try {
    const arrays = archive.names.map((name) => archive.entry(name));
    const classes = headClasses(arrays);
    if (classes !== wanted.classes) {
      const got = classes === undefined ? "no head" : `a head of ${classes} classes`;
      return new ArchiveProblem(`${got} instead of ${wanted.classes} classes`, false);
    }
    const specs = variableSpecs(parseArchitecture(wanted.name), wanted.classes);
    fitArchive(specs, arrays, { where: path, model: wanted.name, newHead: false });
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new ArchiveProblem(error.got, false, error);
  } finally {
    await archive.close();
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new UserError(
      folder,
      `cannot be made (${code})`,
      "a folder for the models",
      "choose another with --bit_pretrained_dir",
      { cause: error },
    );
  }
}
