/** A dataset that is asked for several times at one start, as by runs that differ in their seeds: it is looked over once. */
import {
  type Dataset,
  exampleName,
  type FileSource,
  takeFiles,
  type UnreadableImage,
} from "./dataset.js";
import { type DatasetRequest, loadWhole, usedOf } from "./datasets.js";
import type { FindUndecodable } from "./files/undecodable-images.js";
import { divide } from "./parts/held-out.js";

/** Loads a dataset, as `loadDataset` does. */
export type LoadDataset = (request: DatasetRequest) => Promise<Dataset>;

/**
 * Loads the dataset that was loaded before from memory, where another seed or other examples are all that differs: the
 * same that `loadDataset` would give. Files that change meanwhile are not seen.
 */
export function datasetLoads(): LoadDataset {
  let last:
    | {
        readonly key: string;
        readonly seed: number;
        readonly whole: Dataset;
        readonly findings: Findings;
      }
    | undefined;
  return async (request) => {
    const { dataset, datadir, badImages, evaluation, seed, findUndecodable } = request;
    const key = JSON.stringify([dataset, datadir, badImages, evaluation]);
    if (last?.key !== key)
      last = { key, seed, whole: await loadWhole(request), findings: new Map() };
    const whole = last.seed === seed ? last.whole : dividedBy(last.whole, seed);
    const find = findUndecodable && remembering(findUndecodable, last.findings);
    return usedOf(whole, { ...request, findUndecodable: find });
  };
}

/** A dataset with what is held out by another seed; one that has a held-out part of its own as it is. */
function dividedBy(dataset: Dataset, seed: number): Dataset {
  const { undivided, classNames, name } = dataset;
  if (undivided === undefined) return dataset;
  return { ...dataset, ...divide(undivided, classNames.length, seed, name) };
}

/** What was found of images, by their names; undefined of sound ones. */
type Findings = Map<string, UnreadableImage | undefined>;

/** As `find`, which is asked only about images of which nothing is known. */
function remembering(find: FindUndecodable, known: Findings): FindUndecodable {
  return async (images: FileSource) => {
    const names = images.paths.map((_, index) => exampleName(images, index));
    const asked = [...names.keys()].filter((index) => !known.has(names[index]!));
    if (asked.length > 0) {
      const found = await find(asked.length < names.length ? takeFiles(images, asked) : images);
      for (const index of asked) known.set(names[index]!, undefined);
      for (const { index, ...fault } of found) known.set(names[asked[index]!]!, fault);
    }
    return names.flatMap((name, index) => {
      const fault = known.get(name);
      return fault === undefined ? [] : [{ ...fault, index }];
    });
  };
}
