/** What a run needs and does not find, as far as it is published. */

import { stat } from "node:fs/promises";
import type { DatasetRequest } from "../data/datasets.js";
import { keptFindings } from "../data/files/kept-findings.js";
import type { FindUndecodable } from "../data/files/undecodable-images.js";
import { exists } from "../disk/file-reading.js";
import type { Engine } from "../engine/session.js";
import { systemErrorCode, UserError } from "../errors.js";
import { decodeAll } from "../input/decode-all.js";
import type { FetchEvent, NoteEvent } from "../record/run-events.js";
import { correctRun } from "../report/near-runs.js";
import { downloadHubModel, hubFolder } from "../zoo/download-hub-model.js";
import { downloadModel } from "../zoo/download-model.js";
import { isHubName, parseHubName } from "../zoo/hub-repository.js";
import { modelPath, ZOO, zooModel } from "../zoo/models.js";
import type { FetchPolicy } from "./options.js";
import { sampleModel, sampleWeights } from "./sample-model.js";

/** Who is told of a download, and may stop it. */
export interface FetchConsole {
  /** Lines for people. */
  readonly line?: ((line: string) => void) | undefined;
  /** How far a file is, of how much if the server says. */
  readonly fetching?:
    | ((label: string, doneBytes: number, totalBytes: number | undefined) => void)
    | undefined;
  /**
   * Stops a download; its reason is thrown, and what was fetched is kept. A run's evaluation is
   * abandoned, and made again when the run goes on.
   */
  readonly signal?: AbortSignal | undefined;
}

/** Tells of downloads in the events of a run or an evaluation. */
export function fetchEvents({
  event,
  signal,
}: {
  readonly event?: ((event: NoteEvent | FetchEvent) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}): FetchConsole {
  return {
    line: (text) => event?.({ type: "note", level: "info", text }),
    fetching: (file, doneBytes, totalBytes) => {
      event?.({ type: "fetch", file, doneBytes, totalBytes });
    },
    signal,
  };
}

/**
 * What is fetched while a dataset is loaded, and how images that cannot be decoded are looked for.
 * @param keep whether what is found is kept for the next time
 */
export function dataPolicy(
  { offline, dataUrl, trustMirror, badImages }: FetchPolicy & Pick<DatasetRequest, "badImages">,
  { line, fetching, signal }: FetchConsole,
  engine: Pick<Engine, "open" | "target" | "version">,
  workers: number,
  keep = true,
) {
  const find: FindUndecodable = (images) => decodeAll(engine, images, { workers, signal });
  return {
    offline,
    dataUrl,
    trustMirror,
    badImages,
    signal,
    note: line,
    fetchProgress: fetching,
    findUndecodable: keep ? keptFindings(find, engine.version) : find,
  } satisfies Partial<DatasetRequest>;
}

/** Downloads a published model to where its archive is looked for, unless something is there. */
export async function fetchMissingModel(
  name: string,
  folder: string,
  { offline = false, baseUrl }: FetchPolicy,
  { line, fetching, signal }: FetchConsole,
): Promise<void> {
  const model = zooModel(name);
  if (offline || model === undefined || (await exists(modelPath(folder, model.name)))) return;
  line?.(`${model.name} is not in ${folder}: downloading it`);
  await downloadModel(model, {
    folder,
    baseUrl,
    signal,
    note: line,
    progress: (done, total) => fetching?.(`${model.name}.npz`, done, total),
  });
}

/**
 * Downloads a model of the Hugging Face Hub (`hf:OWNER/NAME`), unless its folder is there.
 * @returns the folder
 * @throws UserError where it is not there, and is not to be fetched or cannot be
 */
export async function fetchMissingFolder(
  name: string,
  folder: string,
  { offline = false }: FetchPolicy,
  { line, fetching, signal }: FetchConsole,
): Promise<string> {
  const repository = parseHubName(name);
  const path = hubFolder(folder, repository);
  if (await exists(path)) return path;
  if (offline)
    throw new UserError(
      name,
      `is not in ${folder}, and nothing is to be downloaded (--offline, --dry_run)`,
      `the folder ${path}`,
      "leave that out, or name the folder it is in with --bit_pretrained_dir",
    );
  line?.(`${name} is not in ${folder}: downloading it`);
  const progress = (done: number, total: number | undefined) => fetching?.(name, done, total);
  await downloadHubModel(repository, { folder, signal, note: line, progress });
  return path;
}

/**
 * The archive or run folder that a source means: where nothing lies at that path, the embedded model, one of
 * the Hugging Face Hub, or the published one of that name in `folder`, which is fetched if need be.
 * @throws UserError where it is none of these
 */
export async function findSource(
  source: string,
  folder: string,
  policy: FetchPolicy,
  observer: FetchConsole,
): Promise<string> {
  if (await exists(source)) return source;
  if (isHubName(source)) return fetchMissingFolder(source, folder, policy, observer);
  if (source === sampleModel) return sampleWeights();
  const model = zooModel(source);
  if (model === undefined) {
    // What is there but cannot be reached is told by whoever opens it.
    const code = await stat(source).catch(systemErrorCode);
    if (code === "ENOENT") throw await noSource(source);
    return source;
  }
  await fetchMissingModel(model.name, folder, policy, observer);
  return modelPath(folder, model.name);
}

async function noSource(source: string): Promise<UserError> {
  return new UserError(
    source,
    "there is no such file or folder, and no published model of this name",
    "a run's folder, one of its checkpoints, an .npz, safetensors, or a published model's name",
    await correctRun(source, [], modelNames),
  );
}

/** The models that a name alone means. */
export const modelNames: readonly string[] = [sampleModel, ...ZOO.map(({ name }) => name)];
