/** Whether a command goes on with the run that lies in its folder, or would make another of it. */

import { createHash } from "node:crypto";
import type { FoundCheckpoint } from "../checkpoint/find-checkpoint.js";
import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import {
  formerValues,
  freeKeys,
  type KnownConfig,
  type RunRecordFile,
} from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import { quoted } from "../settings/shell-word.js";
import { type ChangedKey, describeChange } from "./changed-words.js";

/** How it is said by what the data of two runs differ. */
export interface DataWords {
  readonly labels: string;
  readonly images: string;
  readonly contents: string;
}

/** Of a run that goes on. */
const sinceTheBeginning: DataWords = {
  labels: "the images' labels are not those of the beginning",
  images: "the images are not those of the beginning",
  contents: "images of the same names and sizes hold other bytes than at the beginning",
};

/**
 * The settings by which a run has changed, by the flags that a user types: where its data have, first the dataset,
 * unless it is the same one.
 */
export function changedSettings(known: KnownConfig, now: RunRecordFile): string[] {
  const keys = changedKeys(known, now);
  const isMoved = isOtherDataset(known, now);
  const was = known.dataset;
  const dataset = isMoved ? describeChange({ key: "dataset", was, value: now.dataset }) : [];
  const others = keys.filter(({ key }) => !(isMoved && key === "dataset")).flatMap(describeChange);
  return [...dataset, ...others, ...(known.data === undefined ? [] : dataChanges(known.data, now))];
}

/** Whether a run is asked for on other data, from another place or of another name. */
function isOtherDataset(known: KnownConfig, now: RunRecordFile): boolean {
  if (known.dataset === undefined || known.dataset === now.dataset) return false;
  // Of a run that an earlier version began, the data's fingerprint is not known.
  if (known.data === undefined || dataChanges(known.data, now).length > 0) return true;
  return changedKeys(known, now).some(({ key }) => keysOfData.has(key));
}

// What a dataset brings with it.
const keysOfData: ReadonlySet<string> = new Set(["classNames", "trainSize", "valSize"]);

function dataChanges(was: RunRecordFile["data"], { data }: RunRecordFile): string[] {
  return changesOfData(was, data, sinceTheBeginning);
}

/** The keys by which the results of two runs on the same data would differ. */
export function changedKeys(known: KnownConfig, now: RunRecordFile): ChangedKey[] {
  // Of a run that an earlier version began, the data's fingerprint is not known.
  const old = known.data === undefined;
  return pairs(known, now).filter(({ key, was, value }) => {
    if (key === "data") return false;
    // An archive may have moved; a run that began without one goes on without one.
    if (key === "weights") return (value === null) !== (was === null);
    return !same(was, value) && (!freeKeys.has(key) || (old && key === "dataset"));
  });
}

/** The settings by which two runs differ that change no result. */
export function changedFreely(known: KnownConfig, now: RunRecordFile): string[] {
  return pairs(known, now)
    .filter(({ key, was, value }) => {
      return freeKeys.has(key) && key !== "version" && key !== "name" && !same(was, value);
    })
    .flatMap(describeChange);
}

/** What each key was, as far as an earlier version knew of it, and is. */
function pairs(known: KnownConfig, now: RunRecordFile): ChangedKey[] {
  // One process has no word for it.
  const before = new Map<string, unknown>(Object.entries({ ...known, ranks: known.ranks ?? 1 }));
  return Object.entries({ ...now, ranks: now.ranks ?? 1 }).map(([key, value]) => {
    return { key, was: before.has(key) ? before.get(key) : formerValues.get(key), value };
  });
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** By what data differ, in these words; none where they are the same. */
export function changesOfData(
  was: RunRecordFile["data"],
  now: RunRecordFile["data"],
  words: DataWords,
): string[] {
  return [
    ...(was.labels === now.labels ? [] : [words.labels]),
    ...(was.images === now.images ? [] : [words.images]),
    // Runs that an earlier version began know of no contents.
    ...(was.images === now.images && was.contents !== undefined && was.contents !== now.contents
      ? [words.contents]
      : []),
  ];
}

/** SHA-256 of the settings that decide a run's result, for its manifests. */
export function configurationHash(config: RunRecordFile): string {
  // Without the sample of contents, of which manifests of earlier versions know nothing.
  const data = { labels: config.data.labels, images: config.data.images };
  const deciding = Object.entries({ ...config, data })
    // Nor of settings that came later, where these are as if there were none.
    .filter(([key, value]) => !freeKeys.has(key) && !isFormer(key, value))
    .map(([key, value]) => [key, key === "weights" ? value === null : (value ?? null)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(deciding)).digest("hex");
}

function isFormer(key: string, value: unknown): boolean {
  return formerValues.has(key) && formerValues.get(key) === (value ?? undefined);
}

/**
 * Refuses to go on with a run under settings, or with data, that would change its result.
 * @param known what config.json holds; undefined where it is missing
 * @param force go on all the same, where the checkpoint fits the network
 * @returns what has changed, where it was forced
 * @throws UserError with a list of what has changed
 */
export function checkSameRun(
  folder: RunFolder,
  known: KnownConfig | undefined,
  found: FoundCheckpoint,
  config: RunRecordFile,
  force: boolean,
): string[] {
  const changed = known === undefined ? unlisted(found, config) : changedSettings(known, config);
  if (changed.length === 0 || (force && !isOtherNetwork(known, config))) return changed;
  throw otherSettings(folder, changed, known, config);
}

/** Whether what is trained is another network, or more of it, which the run's checkpoints do not hold. */
function isOtherNetwork(
  known: KnownConfig | undefined,
  { architecture, classNames, freeze }: RunRecordFile,
): boolean {
  if (known === undefined) return false;
  const { architecture: wasArchitecture = architecture, classNames: wasClasses = classNames } =
    known;
  // Of a frozen body there is no momentum.
  const isThawed = known.freeze === true && !freeze;
  return isThawed || wasArchitecture !== architecture || wasClasses.length !== classNames.length;
}

/** @param changed as `changedSettings` has it */
export function otherSettings(
  folder: RunFolder,
  changed: readonly string[],
  known: KnownConfig | undefined,
  config: RunRecordFile,
): UserError {
  const where = [folder.path, `holds a run with other settings: ${changed.join("; ")}`] as const;
  const expected = "the settings and the data that the run began with";
  const other = known !== undefined && isOtherDataset(known, config) ? known.dataset : undefined;
  const former = other === undefined ? "the former ones" : `--dataset ${quoted(other)}`;
  // Of several runs by their seeds, the name that they have in common.
  const free = quoted(`${config.name.replace(/_seed\d+$/, "")}_2`);
  const next = `for a new run with these, choose another --name, such as --name ${free}; to go on with this one, give ${former}`;
  if (isOtherNetwork(known, config))
    return new UserError(...where, expected, `${next}: its checkpoint does not fit these`);
  const forced = `${next}; --force goes on with it all the same`;
  const longer = other === undefined ? otherLength(folder, known, config) : undefined;
  return new UserError(...where, expected, longer ?? forced);
}

/** What to do where another length is asked of the run; undefined where that is not so. */
function otherLength(
  folder: RunFolder,
  known: KnownConfig | undefined,
  { name, schedule }: RunRecordFile,
): string | undefined {
  const [was, now] = [known?.schedule?.at(-1), schedule.at(-1)!];
  if (was === undefined || was === now) return undefined;
  const instead = known?.weights === null ? " instead of --from_scratch" : "";
  return (
    `for ${counted(now, "step")} from the beginning, choose another --name; to go on with this run by the schedule of ` +
    `${counted(now, "step")}, from the step it is at, add --force; to begin such a schedule with its network and a ` +
    `new head, type --weights ${quoted(folder.path)}${instead} and --name ${quoted(`${name}_longer`)}; ` +
    `its own ${counted(was, "step")}: --steps ${was}, with the settings of config.json`
  );
}

/** Without config.json, the checkpoint alone tells whether the settings are its own. */
function unlisted({ manifest }: FoundCheckpoint, config: RunRecordFile): string[] {
  if (manifest === undefined || manifest.configuration === configurationHash(config)) return [];
  return ["config.json is missing, and the checkpoint was made under others"];
}
