/** By what a process would train otherwise than rank 0, in the words that people type: flags, not keys of files. */
import type { RunRecordFile } from "../record/run-config.js";
import { quoted } from "../settings/shell-word.js";
import { flagOf, settingsOf } from "../settings/table.js";
import { changedKeys, changesOfData, type DataWords } from "./same-run.js";

/** The flags that decide a run's result, as a process was given them, by their settings' names; null: not given. */
export type DecidingFlags = Readonly<Record<string, string | number | boolean | null>>;

/** What a process is to do. */
export interface Intended {
  readonly config: RunRecordFile;
  readonly flags: DecidingFlags;
}

/** By what a process differs, and what to do about it. */
export interface RankDifferences {
  readonly differences: readonly string[];
  readonly nextStep: string;
}

/** The weights are rank 0's alone. */
const deciding = settingsOf("train").filter(({ name, row }) => row.decides && name !== "weights");

/** The flags of these options that decide a run's result. */
export function decidingFlags(options: object): DecidingFlags {
  const given = new Map<string, unknown>(Object.entries(options));
  return Object.fromEntries(
    deciding.map(({ name, default: usual }) => {
      const value = given.get(name) ?? usual ?? null;
      const isPlain = ["string", "number", "boolean"].includes(typeof value);
      return [name, isPlain ? (value as string | number | boolean) : null];
    }),
  );
}

/** What keys of `config.json` come of that are no setting's name: settings, or the data. */
const sources: Readonly<Record<string, readonly string[]>> = {
  architecture: ["model"],
  weights: ["fromScratch"],
  split: ["batchSplit", "batch"],
  baseLr: ["baseLr", "scaleLr", "freeze", "recipe", "batch"],
  schedule: ["steps", "epochs", "maxMinutes", "recipe", "batch", "data"],
  mixupAlpha: ["freeze", "data"],
  resolution: ["resolution", "crop", "freeze", "data"],
  classNames: ["data"],
  trainSize: ["examplesPerClass", "data"],
  valSize: ["data"],
};

const besideRank0: DataWords = {
  labels: "its images' labels are not those of rank 0",
  images: "its images are not those of rank 0: other files, or other sizes",
  contents: "its images have the names and sizes of those of rank 0, and hold other bytes",
};

/** @returns undefined where a process would do what rank 0 does, whatever its flags are */
export function rankDifferences(first: Intended, own: Intended): RankDifferences | undefined {
  const changed = changedKeys(first.config, own.config);
  const data = changesOfData(first.config.data, own.config.data, besideRank0);
  if (changed.length + data.length === 0) return undefined;
  const flags = deciding.filter(({ name }) => first.flags[name] !== own.flags[name]);
  const known = new Set([...flags.map(({ name }) => name), ...(data.length > 0 ? ["data"] : [])]);
  // What a machine chose by itself, as the precision.
  const others = changed.filter(
    ({ key }) => !(sources[key] ?? [key]).some((one) => known.has(one)),
  );
  const chosen = deciding.filter(({ name }) => others.some(({ key }) => key === name));
  const values = new Map(others.map(({ key, was }) => [key, was]));
  const typed = [
    ...flags.map(({ name, flag, default: usual }) => asTyped(flag, first.flags[name], usual)),
    ...chosen.map(({ name, flag, default: usual }) => asTyped(flag, values.get(name), usual)),
  ];
  return {
    differences: [
      ...flags.map(({ name }) => besides(`--${flagOf(name)}`, own.flags[name], first.flags[name])),
      ...others.map(({ key, was, value }) => {
        const isFlag = chosen.some(({ name }) => name === key);
        return besides(isFlag ? `--${flagOf(key)}` : key, value, was);
      }),
      ...data,
    ],
    nextStep: nextStepOf(typed, data.length > 0 || others.length > chosen.length),
  };
}

function besides(what: string, own: unknown, first: unknown): string {
  return `${what} is ${shown(own)}, that of rank 0 is ${shown(first)}`;
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "not there";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** How a flag is to be given. */
interface Typed {
  readonly text: string;
  /** Whether it is to be left out. */
  readonly without: boolean;
}

function asTyped(flag: string, value: unknown, usual: unknown): Typed {
  const without = value === null || value === undefined || (value === false && !usual);
  if (without) return { text: `--${flag}`, without };
  if (typeof value === "boolean") return { text: `--${value ? "" : "no-"}${flag}`, without };
  return { text: `--${flag} ${quoted(String(value))}`, without };
}

function nextStepOf(typed: readonly Typed[], isData: boolean): string {
  const listed = (without: boolean) =>
    typed.filter((one) => one.without === without).map(({ text }) => text);
  const [given, left] = [listed(false).join(" "), listed(true).join(", ")];
  return [
    ...(given === "" ? [] : [`type for all of them, as for rank 0: ${given}`]),
    ...(left === "" ? [] : [`leave ${left} out for all of them`]),
    ...(isData ? ["give all of them datasets that are copies of each other"] : []),
  ].join("; ");
}
