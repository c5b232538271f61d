/** `report.html` of a run, at its end and later, and reports of several runs side by side. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { type Dataset, imageName } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import type { FileLock } from "../disk/file-lock.js";
import { exists } from "../disk/file-reading.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Predictions } from "../evaluators/predictions.js";
import { packageVersion } from "../package-root.js";
import type { KnownConfig } from "../record/run-config.js";
import { type RunFolder, runFolderAt } from "../record/run-folder.js";
import { isSeedsFile, seedRunFolders } from "../record/seeds-file.js";
import { type JudgedImage, judge } from "../report/judgement.js";
import { readPredictions } from "../report/read-predictions.js";
import { type ReadRun, readRun } from "../report/read-run.js";
import { repeatsOf } from "../report/repeats.js";
import type { ReportData, ReportedRun, ReportJudgement } from "../report/report-data.js";
import { requireReportPlace, writeReport } from "../report/report-file.js";
import { type PictureSource, withPictures } from "../report/show-images.js";
import type { Options } from "../settings/table.js";
import { type EvaluateConsole, evaluateRun } from "./evaluate-run.js";
import { explainImages } from "./explain-images.js";
import { dataPolicy } from "./fetching.js";
import { nearestTraining } from "./nearest-training.js";

/** A run that has just ended. */
export interface EndedRun {
  readonly folder: RunFolder;
  readonly dataset: Dataset;
  readonly predictions: Predictions;
  readonly resize: KnownConfig["resize"];
  readonly engine: Engine;
  /** Ends the making of heat maps; the report is written without those that are left. */
  readonly signal?: AbortSignal | undefined;
  /** On the folder. */
  readonly lock: Pick<FileLock, "requireHeld">;
}

/** Writes the report of a run that has just ended. Returns its path. */
export async function reportEnd(ended: EndedRun): Promise<string> {
  const { folder, dataset, predictions, engine, resize = "pillow", signal } = ended;
  const { run } = await readRun(folder.path);
  const images = Array.from({ length: predictions.count }, (_, index): JudgedImage => {
    return { name: imageName(dataset.val.images, index), ...predictions.at(index) };
  });
  const judged = judge(images, dataset.classNames);
  const remarks = [...run.remarks];
  const looks = looksOf(folder, engine, dataset, remarks, signal);
  const judgement = await withPictures(judged, { engine, dataset, resize, ...looks });
  ended.lock.requireHeld();
  await write(folder.report, { runs: [{ ...run, judgement, remarks }] });
  return folder.report;
}

/**
 * What the run's own weights see: maps, and the training images nearest to mistakes. Where they cannot be had, a remark
 * says why.
 */
function looksOf(
  folder: RunFolder,
  engine: Engine,
  dataset: Pick<Dataset, "train" | "val">,
  remarks: string[],
  signal?: AbortSignal,
): Required<Pick<PictureSource, "explain" | "nearest">> {
  const nearest: PictureSource["nearest"] = async (images) => {
    if (signal?.aborted) return [];
    try {
      return await nearestTraining(folder.path, engine, dataset, images, { signal });
    } catch (error) {
      // Why, the maps' remark says too; the report then shows the first image of each class, and calls it that.
      if (error instanceof UserError || signal?.aborted) return [];
      throw error;
    }
  };
  const explain: PictureSource["explain"] = async (images) => {
    try {
      const maps = await explainImages(folder.path, engine, images, signal);
      if (signal?.aborted === true && maps.includes(undefined))
        remarks.push("Heat maps are missing: the run was stopped while they were made.");
      return maps;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      remarks.push(`There are no heat maps: ${error.message}`);
      return [];
    }
  };
  return { explain, nearest };
}

async function write(path: string, told: Pick<ReportData, "runs" | "repeats">): Promise<void> {
  await writeReport(path, { bitTrain: packageVersion(), made: new Date().toISOString(), ...told });
}

/** What `bit-report` is asked for. */
export interface ReportOptions extends Options<"report"> {
  /** Runs' folders, files of `--seeds`, and logs of the official code. */
  readonly runs: readonly string[];
}

/** What reports of several runs are called where nobody says otherwise. */
const comparisonName = "comparison.html";

/**
 * Reports of one run, or of several side by side. One of an older run that has no `predictions.csv` is
 * evaluated, which writes that.
 * @param openEngine called where images are to be evaluated or shown
 * @returns where the report is
 * @throws UserError where there is no such run, or its files are damaged
 */
export async function reportRuns(
  { runs: paths, out }: ReportOptions,
  openEngine: () => Engine,
  observer: EvaluateConsole = {},
): Promise<string> {
  const read: ReadRun[] = [];
  const asked = (await Promise.all(paths.map(runsAt))).flat();
  // A run that is named twice, or beside its seeds' file, is one run: it counts once in means.
  for (const path of new Map(asked.map((one) => [resolve(one), one])).values())
    read.push(await readRun(path));
  const [only] = read;
  if (read.length === 1 && only !== undefined) {
    const path = out ?? only.own?.folder.report ?? `${resolve(paths[0]!)}.html`;
    await requireReportPlace(path);
    await write(path, { runs: [await explained(only, openEngine, observer)] });
    return path;
  }
  const path = resolve(out ?? comparisonName);
  await requireReportPlace(path);
  const runs = await Promise.all(read.map(compared));
  const repeats = repeatsOf(runs.map((run, i) => ({ run, config: read[i]!.own?.config })));
  await write(path, { runs, repeats });
  return path;
}

/**
 * A run, or those that were made by `--seeds` and have begun.
 * @throws UserError where none of these is there
 */
async function runsAt(path: string): Promise<string[]> {
  if (!isSeedsFile(path) || !(await exists(path))) return [path];
  const folders = await seedRunFolders(path);
  const begun = await Promise.all(folders.map((folder) => exists(runFolderAt(folder).config)));
  if (begun.includes(true)) return folders.filter((_, i) => begun[i]);
  throw new UserError(
    path,
    `none of its ${folders.length} runs is beside it`,
    "a file that bit-train --seeds wrote, beside the runs of which it tells",
    "put it back beside its runs, or give the runs' folders",
  );
}

/** A run with what its predictions tell, as far as they are there. */
async function compared({ run, own }: ReadRun): Promise<ReportedRun> {
  const images = await predictionsOf(own);
  if (images === undefined) return run;
  const { judgement } = judge(images, own!.config.classNames!);
  return { ...run, judgement: { ...judgement, worst: [], unsure: [], samples: {} } };
}

async function predictionsOf(own: ReadRun["own"]): Promise<JudgedImage[] | undefined> {
  const { classNames } = own?.config ?? {};
  if (own === undefined || classNames === undefined) return undefined;
  return await readPredictions(own.folder.predictions, classNames);
}

/** One run, with its images. What cannot be had is said in the report. */
async function explained(
  { run, own }: ReadRun,
  openEngine: () => Engine,
  observer: EvaluateConsole,
): Promise<ReportedRun> {
  const { classNames } = own?.config ?? {};
  if (own === undefined || classNames === undefined || run.final === undefined) return run;
  const remarks = [...run.remarks];
  const said = async <T>(what: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      remarks.push(`${what}: ${error.message}`);
      return undefined;
    }
  };
  let images = await predictionsOf(own);
  if (images === undefined && (await exists(own.folder.checkpoint))) {
    const { path: source, predictions: csv } = own.folder;
    await said("There are no predictions", () =>
      evaluateRun({ source, csv }, openEngine(), observer),
    );
    images = await predictionsOf(own);
  }
  if (images === undefined) return { ...run, remarks };
  const judged = judge(images, classNames);
  const found = await said("There are no pictures", () =>
    pictured(judged, { images, own, engine: openEngine(), observer, remarks }),
  );
  const plain = { ...judged.judgement, samples: {} };
  return { ...run, judgement: found ?? plain, remarks };
}

async function pictured(
  judged: ReturnType<typeof judge>,
  {
    images,
    own: { folder, config },
    engine,
    observer,
    remarks,
  }: {
    readonly images: readonly JudgedImage[];
    readonly own: NonNullable<ReadRun["own"]>;
    readonly engine: Engine;
    readonly observer: EvaluateConsole;
    readonly remarks: string[];
  },
): Promise<ReportJudgement> {
  const { dataset: name, datadir, seed = 0, badImages, resize = "pillow" } = config;
  const { examplesPerClass, examplesPerClassSeed } = config;
  const policy = { offline: true, badImages };
  const dataset = await loadDataset({
    ...dataPolicy(policy, observer, engine, availableParallelism()),
    ...{ dataset: name!, datadir: datadir ?? undefined, seed },
    examplesPerClass: examplesPerClass ?? undefined,
    examplesPerClassSeed: examplesPerClassSeed ?? undefined,
  });
  const { val } = dataset;
  const places = new Map(
    Array.from(val.labels, (_, index) => [imageName(val.images, index), index]),
  );
  const looks = looksOf(folder, engine, dataset, remarks);
  return await withPictures(judged, { engine, dataset, resize, ...looks }, (index) => {
    return places.get(images[index]!.name);
  });
}
