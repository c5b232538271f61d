/** Images of a dataset that are nearly the same as others: other files of one picture. */
import { availableParallelism } from "node:os";
import { type DatasetRequest, loadDataset } from "../data/datasets.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import {
  type Copy,
  copyAt,
  type DatasetReport,
  type PartName,
  partNames,
} from "../report/check-dataset.js";
import { requireActing } from "../settings/idle-settings.js";
import type { Options } from "../settings/table.js";
import { type FeatureTable, featuresOf } from "./feature-table.js";
import { type FetchConsole, findSource } from "./fetching.js";
import { type Features, nearestNeighbours } from "./neighbours.js";
import { findHeadlessModel, type HeadlessModel, imageSize, precisionOf } from "./trained-model.js";

/** From this cosine on images count as near copies where nobody says; docs/find.md has what it was chosen by. */
const NEAR_COPY = 0.98;
/** So many of the nearest of each image are looked at. */
const LOOKED_AT = 3;

/** Two images that are nearly the same. */
export interface NearPair {
  readonly images: readonly [Copy, Copy];
  /** Cosine of their features. */
  readonly similarity: number;
}

/** What was found, the most alike first in each list; images of the same bytes are not among them. */
export interface NearCopies {
  readonly model: string;
  readonly size: number;
  /** The cosine from which they count. */
  readonly similarity: number;
  /** Of one class and part. */
  readonly duplicates: readonly NearPair[];
  /** In different classes. */
  readonly mislabelled: readonly NearPair[];
  /** In both parts. */
  readonly leaks: readonly NearPair[];
  /** The most alike of those that do not count. */
  readonly closest?: NearPair | undefined;
  readonly notes: readonly string[];
}

/** How they are looked for: the settings of `bit-data check` under the same names. */
export interface NearCopyOptions
  extends Pick<
    Options<"check">,
    "weights" | "model" | "size" | "batch" | "workers" | "bitPretrainedDir" | "similarity"
  > {}

/** Who is told how the search goes on, and may stop it. */
export interface NearCopyConsole extends FetchConsole {
  readonly progress?: (step: "features" | "comparing", done: number, total: number) => void;
}

/**
 * Refuses settings that contradict each other, before anything is read.
 * @throws UserError
 */
export function requireNearCopyOptions(options: Options<"check">): void {
  requireActing("check", options);
  const { features, weights, similarity, fast } = options;
  if (!features) return;
  const example = "type: npx bit-data check photos --features --weights BiT-M-R50x1";
  if (fast)
    throw new UserError(
      "--fast",
      "--features as well, for which all images are decoded",
      "one of the two",
      "leave one out",
    );
  if (weights === undefined)
    throw new UserError(
      "--features",
      "no --weights: nothing says which model is to compare the images",
      "a run's folder, an .npz or safetensors, or a published model; best one that knows images of this kind",
      example,
    );
  if (similarity !== undefined && similarity > 1)
    throw new UserError(
      `--similarity ${similarity}`,
      "a cosine is at most 1",
      "a number up to 1",
      "type for example --similarity 0.98",
    );
}

/**
 * The model by which near copies are found.
 * @throws UserError where it is missing or unfit
 */
export async function findCopyModel(
  options: NearCopyOptions,
  observer: NearCopyConsole = {},
): Promise<HeadlessModel> {
  const { bitPretrainedDir = ".", weights = "" } = options;
  const source = await findSource(weights, bitPretrainedDir, { offline: true }, observer);
  return findHeadlessModel(source, options);
}

/**
 * Finds near copies within and across the parts of a dataset.
 * @param report what was found before: images with the same bytes are told of there
 * @param trained as `findCopyModel` gives it
 */
export async function findNearCopies(
  request: DatasetRequest,
  report: Pick<DatasetReport, "duplicates" | "mislabelled" | "leaks">,
  trained: HeadlessModel,
  options: NearCopyOptions,
  engine: Engine,
  observer: NearCopyConsole = {},
): Promise<NearCopies> {
  const { workers = availableParallelism(), batch, similarity: least = NEAR_COPY } = options;
  const dataset = await loadDataset({ ...request, badImages: "report" });
  const asked = { size: options.size, flag: "--size" };
  const { size, guess } = imageSize(trained, dataset.typicalSize, asked);
  const precision = precisionOf(trained, engine, undefined);
  const { line, signal } = observer;
  const places = partNames.flatMap((part) =>
    Array.from(dataset[part].labels, (_, index): [PartName, number] => [part, index]),
  );
  const tables: FeatureTable[] = [];
  let before = 0;
  for (const part of partNames) {
    const split = dataset[part];
    if (split.labels.length === 0) continue;
    const progress = (done: number) =>
      observer.progress?.("features", before + done, places.length);
    const making = { size, batch, workers, precision, badImages: "skip" } as const;
    const how = { ...making, what: `${part} images` };
    tables.push(await featuresOf(split, trained, how, engine, { line, signal, progress }));
    before += split.labels.length;
  }
  const progress = (done: number, total: number) => observer.progress?.("comparing", done, total);
  const all = joined(tables);
  const how = { withoutSelf: true, signal, progress };
  const nearest = await nearestNeighbours(all, all, LOOKED_AT, engine, how);
  const sameBytes = groupsOf(report);
  const copyOf = (place: number): Copy => copyAt(dataset, ...places[place]!);
  const compared = nearest.flatMap((neighbours, first) =>
    neighbours.flatMap(({ index: second, similarity }): NearPair[] => {
      // Each other's neighbours are one pair.
      const told = second < first && nearest[second]!.some(({ index }) => index === first);
      if (told) return [];
      const images = [copyOf(Math.min(first, second)), copyOf(Math.max(first, second))] as const;
      const [group, other] = images.map(({ path }) => sameBytes.get(path));
      return group !== undefined && group === other ? [] : [{ images, similarity }];
    }),
  );
  compared.sort((a, b) => b.similarity - a.similarity);
  const pairs = compared.filter((pair) => pair.similarity >= least);
  const differ = ({ images: [a, b] }: NearPair, by: "class" | "part") => a[by] !== b[by];
  return {
    model: trained.model,
    ...{ size, similarity: least },
    duplicates: pairs.filter((pair) => !differ(pair, "class") && !differ(pair, "part")),
    mislabelled: pairs.filter((pair) => differ(pair, "class")),
    leaks: pairs.filter((pair) => differ(pair, "part")),
    closest: compared[pairs.length],
    notes: [...trained.notes, ...(guess === undefined ? [] : [guess])],
  };
}

/** Which images have the same bytes, by their names. */
function groupsOf({
  duplicates,
  mislabelled,
  leaks,
}: Pick<DatasetReport, "duplicates" | "mislabelled" | "leaks">): ReadonlyMap<string, number> {
  const groups = new Set([...duplicates, ...mislabelled, ...leaks]);
  return new Map([...groups].flatMap((group, id) => group.map(({ path }) => [path, id] as const)));
}

function joined(tables: readonly Features[]): Features {
  const channels = tables[0]?.channels ?? 0;
  const count = tables.reduce((sum, table) => sum + table.count, 0);
  const values = new Float32Array(count * channels);
  let at = 0;
  for (const table of tables) {
    values.set(table.values, at);
    at += table.values.length;
  }
  return { count, channels, values };
}
