/** The part of a dataset on which a trained model is evaluated. */
import { access } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import type { Dataset, UnreadableImage } from "../data/dataset.js";
import { type DatasetRequest, loadDataset } from "../data/datasets.js";
import { listed } from "../data/listed.js";
import { systemErrorCode, UserError } from "../errors.js";
import type { RunRecord } from "../record/run-record.js";
import type { Options } from "../settings/table.js";
import type { TrainedModel } from "./trained-model.js";
import { isSameDataset, isTrainingData } from "./training-data.js";

/** What is asked of the dataset, of the model at `source`. */
export interface DatasetWishes
  extends Pick<Options<"eval">, "dataset" | "datadir" | "badImages" | "split" | "matchClasses"> {
  readonly source: string;
}

/**
 * The part that is evaluated.
 * @returns and whether the dataset is what the run was trained on, though it is not the one that it names
 */
export async function loadEvaluated(
  { split: part, matchClasses: match }: DatasetWishes,
  { run, classNames, classes }: TrainedModel,
  request: DatasetRequest,
): Promise<{ readonly dataset: Dataset; readonly elsewhere: boolean }> {
  const load = (trainedOn: boolean) => {
    const evaluation = { classNames, classes, part, trainedOn, match };
    return loadDataset({ ...request, evaluation });
  };
  const trainedOn = run !== undefined && (await isSameDataset(request, run));
  const found = await load(trainedOn);
  const elsewhere =
    run !== undefined &&
    !trainedOn &&
    (await isTrainingData(found, run, () => loadDataset(request)));
  return { dataset: elsewhere ? await load(true) : found, elsewhere };
}

/**
 * A model's own record names the place where its data lay on the machine of its run.
 * @throws UserError where nothing lies there any more
 */
export async function requireData(source: string, dataset: string): Promise<void> {
  if (!isAbsolute(dataset)) return;
  // Of a pattern of files the last folder in front of what may vary.
  const [fixed = ""] = dataset.split(/[*?{[]/, 1);
  const place = fixed === dataset ? dataset : dirname(`${fixed}_`);
  const exists = (path: string) =>
    access(path).then(
      () => true,
      (error: unknown) => systemErrorCode(error) !== "ENOENT",
    );
  if ((await exists(dataset)) || (await exists(place))) return;
  throw new UserError(
    source,
    `was trained on ${dataset}, and nothing lies there`,
    "the data that it is to be evaluated on",
    "say where the data lies now: --dataset PATH",
  );
}

/**
 * The dataset that is asked for, else the run's.
 * @throws UserError where neither is known
 */
export function datasetOf(
  { source, dataset, datadir, badImages }: DatasetWishes,
  run: Pick<RunRecord, "dataset" | "datadir" | "seed" | "badImages"> | undefined,
) {
  const name = dataset ?? run?.dataset;
  if (name === undefined) {
    throw new UserError(
      source,
      "an archive does not say on what to evaluate it",
      "a dataset",
      "type --dataset NAME --datadir PATH",
    );
  }
  // The run's own folder says nothing of where another dataset lies.
  const known = name === run?.dataset ? (run.datadir ?? undefined) : undefined;
  return {
    dataset: name,
    datadir: datadir ?? known,
    seed: run?.seed ?? 0,
    badImages: badImages ?? run?.badImages,
  };
}

/** What is said of images that are left out. */
export function leftOut(images: readonly UnreadableImage[]): string {
  const [what, are] = images.length === 1 ? ["image", "is"] : ["images", "are"];
  const named = listed(images.map(({ path, reason }) => `${path} (${reason})`));
  return `${images.length} ${what} that cannot be used ${are} left out: ${named}`;
}

/** What is said where classes of real labels are none that can be predicted. @param whose these are */
export function unknownRealLabels(count: number, whose: "model" | "dataset"): string {
  return `${count} of ImageNet's classes are none of the ${whose}'s: as real labels they are never right`;
}
