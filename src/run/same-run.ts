/** Whether a command goes on with the run that lies in its folder, or would make another of it. */
import { createHash } from "node:crypto";
import { UserError } from "../errors.js";
import type { FoundCheckpoint } from "./find-checkpoint.js";
import type { DataFingerprint } from "./manifest.js";
import type { RunConfig } from "./options.js";
import type { RunFolder } from "./run-folder.js";

/** What `config.json` holds: the settings, and the hashes of a fingerprint of the data. */
export interface RunRecordFile extends RunConfig {
  readonly data: Pick<DataFingerprint, "labels" | "images" | "contents">;
}

// These may change, and change no result. Where the data lies is free too: the fingerprint tells
// whether it is the same.
const free = new Set([
  "version",
  "name",
  "dataset",
  "datadir",
  "workers",
  "cache",
  "evalEvery",
  "evalFirst",
  "evalBatch",
  "saveEvery",
  "saveMinutes",
  "keep",
]);

/** The settings by which two runs differ, in the words of `config.json`. */
export function changedSettings(known: object, now: RunRecordFile): string[] {
  const before = known as Readonly<Record<string, unknown>>;
  // Of a run that an earlier version began, the data's fingerprint is not known.
  const old = before["data"] === undefined;
  const changed: string[] = [];
  for (const [key, value] of Object.entries(now)) {
    const was = before[key];
    if (key === "data") {
      if (!old) changed.push(...changedData(was as RunRecordFile["data"], now.data));
    } else if (key === "weights") {
      // An archive may have moved; a run that began without one goes on without one.
      if ((value === null) !== (was === null)) changed.push(difference(key, was, value));
    } else if (free.has(key) && !(old && key === "dataset")) {
      // As it likes.
    } else if (JSON.stringify(value) !== JSON.stringify(was)) {
      changed.push(difference(key, was, value));
    }
  }
  return changed;
}

/** The settings by which two runs differ that change no result. */
export function changedFreely(known: object, now: RunRecordFile): string[] {
  const before = known as Readonly<Record<string, unknown>>;
  const told = (key: string) => free.has(key) && key !== "version" && key !== "name";
  return Object.entries(now)
    .filter(([key, value]) => told(key) && JSON.stringify(value) !== JSON.stringify(before[key]))
    .map(([key, value]) => difference(key, before[key], value));
}

function changedData(was: RunRecordFile["data"], now: RunRecordFile["data"]): string[] {
  return [
    ...(was.labels === now.labels ? [] : ["the images' labels are not those of the beginning"]),
    ...(was.images === now.images ? [] : ["the images are not those of the beginning"]),
    // Runs that an earlier version began know of no contents.
    ...(was.images === now.images && was.contents !== undefined && was.contents !== now.contents
      ? ["images of the same names and sizes hold other bytes than at the beginning"]
      : []),
  ];
}

function difference(key: string, was: unknown, now: unknown): string {
  return `${key} was ${short(was)}, is now ${short(now)}`;
}

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? "none";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** SHA-256 of the settings that decide a run's result, for its manifests. */
export function configurationHash(config: RunRecordFile): string {
  // Without the sample of contents, of which manifests of earlier versions know nothing.
  const data = { labels: config.data.labels, images: config.data.images };
  const deciding = Object.entries({ ...config, data })
    .filter(([key]) => !free.has(key))
    .map(([key, value]) => [key, key === "weights" ? value === null : (value ?? null)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(deciding)).digest("hex");
}

/**
 * Refuses to go on with a run under settings, or with data, that would change its result.
 * @param known what config.json holds; undefined where it is missing
 * @param force go on all the same
 * @returns what has changed, where it was forced
 * @throws UserError with a list of what has changed
 */
export function checkSameRun(
  folder: RunFolder,
  known: object | undefined,
  found: FoundCheckpoint,
  config: RunRecordFile,
  force: boolean,
): string[] {
  const changed = known === undefined ? unlisted(found, config) : changedSettings(known, config);
  if (force || changed.length === 0) return changed;
  throw new UserError(
    folder.path,
    `holds a run with other settings: ${changed.join("; ")}`,
    "the settings and the data that the run began with",
    "give those of config.json, or choose another --name; --force goes on all the same",
  );
}

/** Without config.json, the checkpoint alone tells whether the settings are its own. */
function unlisted({ manifest }: FoundCheckpoint, config: RunRecordFile): string[] {
  if (manifest === undefined || manifest.configuration === configurationHash(config)) return [];
  return ["config.json is missing, and the checkpoint was made under others"];
}
