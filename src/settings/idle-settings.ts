/** Settings that can do nothing beside another, or without it: they are refused, so that nobody counts on them. */
import { UserError } from "../errors.js";
import { type CommandName, flagOf, settingsOf, type settingTable } from "./table.js";

type Name = keyof typeof settingTable;

/** A setting that does nothing where another is given, or is not. */
interface Idle {
  readonly setting: Name;
  readonly other: Name;
  readonly where: "beside" | "without";
  /** As in `there are no evaluations to wait for`. */
  readonly why: string;
  /** What to type instead. */
  readonly next: string;
}

/** @param example of the setting that is missing, as it is typed */
function without(other: Name, setting: Name, why: string, example: string): Idle {
  const next = `type for example ${example}, or leave --${flagOf(setting)} out`;
  return { setting, other, where: "without", why, next };
}

function beside(other: Name, setting: Name, why: string, next: string): Idle {
  return { setting, other, where: "beside", why, next };
}

const nearCopies = "--features --weights BiT-M-R50x1";
const noFeatures = "no features are compared, which it is about";
const unsaved = "nothing is saved";
const unmeasured = "nothing is measured: it computes what a training step needs on one device";
const leaveOut = "leave one of them out";

const table: Readonly<Record<string, readonly Idle[] | undefined>> = {
  train: [
    without("evalEvery", "patience", "there are no evaluations to wait for", "--eval_every 50"),
    without("seeds", "sameExamples", "there is one run only", "--seeds 3"),
    ...(["sameExamples", "examplesPerClassSeed"] as const).map((name) =>
      without("examplesPerClass", name, "no examples are drawn", "--examples_per_class 10"),
    ),
    without("dataUrl", "trustMirror", "there is no mirror to trust", "--data_url URL"),
    ...(["saveEvery", "saveMinutes", "keep"] as const).map((name) =>
      beside("save", name, unsaved, leaveOut),
    ),
    beside(
      ...(["freeze", "fromScratch", "a body of random weights has learnt nothing"] as const),
      "leave out one of the two: --freeze trains a head on a pretrained body",
    ),
    beside(
      ...(["freeze", "cache", "every image is decoded only once"] as const),
      "leave it out: features are kept as it is",
    ),
    beside(
      ...(["freeze", "remat", "no gradient goes through the body"] as const),
      "leave it out: the body needs no memory for gradients",
    ),
    beside(
      ...(["freeze", "resolution", "nothing is cropped from training images"] as const),
      "give the side of whole images by --crop",
    ),
    beside(
      ...(["freeze", "flip", "no training image is mirrored"] as const),
      "leave it out: features are of the images as they are",
    ),
  ],
  eval: [
    without("knn", "knnNeighbours", "the head is evaluated, and nobody votes", "--knn"),
    without("dataUrl", "trustMirror", "there is no mirror to trust", "--data_url URL"),
  ],
  predict: [without("explain", "explainClass", "nothing is explained", "--explain FOLDER")],
  find: [without("mislabelled", "knnNeighbours", "nobody votes", "--mislabelled")],
  check: (["weights", "model", "similarity", "size", "batch", "bitPretrainedDir"] as const).map(
    (name) => without("features", name, noFeatures, nearCopies),
  ),
  reproduce: [without("dataUrl", "trustMirror", "there is no mirror to trust", "--data_url URL")],
  bench: [
    without("memory", "batchSplit", "a batch is measured as a whole", "--memory"),
    ...(["mode", "implementation", "steps", "warmup", "devices"] as const).map((name) =>
      beside("memory", name, unmeasured, leaveOut),
    ),
  ],
  download: [without("list", "json", "there is no list to print", "--list")],
  setup: [without("check", "json", "there is no report to print", "--check")],
} satisfies Partial<Record<CommandName, readonly Idle[]>>;

/**
 * Refuses settings that can do nothing as they stand beside each other.
 * @param options by the settings' names; one that is left out may have its default
 * @throws UserError for the first of them
 */
export function requireActing(command: string, options: object): void {
  const usual = new Map(settingsOf(command).map((one) => [one.name, one.default]));
  const values = new Map<string, unknown>(Object.entries(options));
  const isGiven = (name: Name) => {
    const value = values.get(name);
    return value !== undefined && value !== usual.get(name);
  };
  const shown = (name: Name) => {
    const value = values.get(name);
    if (typeof value !== "boolean") return `--${flagOf(name)} ${value}`;
    return `--${value ? "" : "no-"}${flagOf(name)}`;
  };
  for (const { setting, other, where, why, next } of table[command] ?? []) {
    if (!isGiven(setting) || isGiven(other) !== (where === "beside")) continue;
    if (where === "without")
      throw new UserError(
        shown(setting),
        `without --${flagOf(other)} ${why}`,
        `--${flagOf(other)} as well`,
        next,
      );
    throw new UserError(
      shown(setting),
      `${shown(other)} as well, with which ${why}`,
      "one of the two",
      next,
    );
  }
}
