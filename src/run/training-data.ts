/** Whether a dataset is the one that a run was trained on, wherever it lies. */
import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { Dataset } from "../data/dataset.js";
import type { RunRecord } from "../record/run-record.js";
import { fingerprintOf, hashesOf } from "./data-fingerprint.js";

/** A dataset's name or path, and where it lies. */
interface Place {
  readonly dataset: string;
  readonly datadir?: string | null | undefined;
}

/** Whether both mean the same dataset, by name or by whichever path. */
export async function isSameDataset(asked: Place, known: Place): Promise<boolean> {
  if (asked.dataset === known.dataset && asked.dataset !== "folder") return true;
  const [a, b] = await Promise.all([placeOf(asked), placeOf(known)]);
  return a === b;
}

async function placeOf({ dataset, datadir }: Place): Promise<string> {
  const path = dataset === "folder" ? (datadir ?? ".") : dataset;
  return realpath(path).catch(() => resolve(path));
}

/**
 * Whether a dataset without parts, loaded whole from elsewhere, holds just the images of a run, those that it
 * was trained on included. Its fingerprint is asked only where it has as many images.
 * @param divided loads it as a training does
 */
export async function isTrainingData(
  { val, evaluated }: Pick<Dataset, "val" | "evaluated">,
  { trainSize, valSize, data }: RunRecord,
  divided: () => Promise<Dataset>,
): Promise<boolean> {
  if (data === undefined || trainSize === undefined || valSize === undefined) return false;
  if (evaluated?.part !== "whole" || val.labels.length !== trainSize + valSize) return false;
  const found = hashesOf(await fingerprintOf(await divided()));
  return found.labels === data.labels && found.images === data.images;
}
