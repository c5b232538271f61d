/** What of bit-train is measured beside its steps: input, archive, and the wait for the first step. */
import { join } from "node:path";
import { mustRun, reportOf } from "./child.js";
import { timeFirstStep } from "./first-step.js";
import { makeArchive, makeCifar } from "./made-data.js";
import type { RowTask } from "./row.js";
import { type BenchSizes, windowBatches } from "./sizes.js";
import { type StepSize, type StepTask, stepSubject } from "./step-subject.js";
import type { Subject } from "./subject.js";

/** Where the benchmark's programs and data lie. */
export interface BenchPlaces {
  /** The repository. */
  readonly root: string;
  /** Data that it makes for itself and keeps. */
  readonly data: string;
  /** Another checkout of the repository, set up and built, whose steps are measured too. */
  readonly before?: string | undefined;
}

/** Files that both sides read. */
export interface BenchData {
  /** An archive of the model with a head of `archiveClasses`. */
  readonly archive: string;
  readonly cifar: string;
  /** Folders of photographs, in the order of `sizes.photos.sets`. */
  readonly photos: readonly string[];
}

export interface OwnStep extends Pick<StepTask, "mode" | "precision" | "threads"> {
  readonly size?: StepSize;
}

/** Subjects of ours by what they are. */
export interface OwnSubjects {
  /** A step; of the size that all rows have where none is given. */
  readonly step: (step: OwnStep) => Subject;
  /** The same by the build given by `places.before`. */
  readonly stepBefore: ((step: OwnStep) => Subject) | undefined;
  readonly firstStep: Subject;
  readonly cifar: Subject;
  readonly photos: readonly Subject[];
  readonly archive: Subject;
}

/** Makes what is not there yet. */
export async function makeData(sizes: BenchSizes, { root, data }: BenchPlaces): Promise<BenchData> {
  const { model, archiveClasses, cifar, photos } = sizes;
  const archive = join(data, `${model}-${archiveClasses}-classes.npz`);
  await makeArchive(archive, model, archiveClasses);
  const cifarFolder = join(data, `cifar10-${cifar.imagesPerFile}`);
  await makeCifar(cifarFolder, cifar.imagesPerFile);
  const folders: string[] = [];
  for (const set of photos.sets) {
    const folder = join(data, `photos-${set.width}x${set.height}`);
    await mustRun(rowCommand(root, { kind: "photos", folder, ...set }));
    folders.push(folder);
  }
  return { archive, cifar: cifarFolder, photos: folders };
}

export function ownSubjects(sizes: BenchSizes, places: BenchPlaces, data: BenchData): OwnSubjects {
  const { model, batch, resolution, rounds, windows, cifar, photos } = sizes;
  const usual = { model, batch, resolution };
  const stepOf = (root: string) => (step: OwnStep) => {
    const { size = usual, ...rest } = step;
    const steps = rest.mode === "train" ? sizes.trainSteps : sizes.evalSteps;
    const { classes } = sizes;
    const task = { ...size, ...rest, classes, steps, warmup: 1, implementation: "graph" } as const;
    const often = step.size === undefined ? rounds : 1;
    return stepSubject(task, join(root, "bin/bit-bench.js"), often);
  };
  const { before } = places;
  const row = (id: string, task: RowTask): Subject => {
    return { id, title: id, rounds, measure: () => reportOf(rowCommand(places.root, task)) };
  };
  const pipeline = { kind: "pipeline", batch, steps: windows, warmup: 1 } as const;
  return {
    step: stepOf(places.root),
    stepBefore:
      before === undefined
        ? undefined
        : (step) => {
            const { id, title, ...subject } = stepOf(before)(step);
            return { ...subject, id: `before: ${id}`, title: `before: ${title}` };
          },
    firstStep: {
      id: "first step",
      title: "first step",
      rounds,
      measure: () =>
        timeFirstStep({
          script: join(places.root, "bin/bit-train.js"),
          ...{ model, batch, archive: data.archive, datadir: data.cifar },
          ...{ resizeTo: cifar.resizeTo, crop: cifar.crop },
        }),
    },
    cifar: row("CIFAR-10 pipeline", {
      ...pipeline,
      ...{ dataset: "cifar10", datadir: data.cifar, window: windowBatches(10) },
      ...{ resizeTo: cifar.resizeTo, crop: cifar.crop },
    }),
    photos: photos.sets.map(({ width, height }, i) => {
      return row(`${width} x ${height} JPEG pipeline`, {
        ...pipeline,
        ...{ dataset: data.photos[i]!, window: windowBatches(photoBatches(width)) },
        ...{ resizeTo: photos.resizeTo, crop: photos.crop },
      });
    }),
    archive: row("archive into variables", {
      kind: "archive",
      archive: data.archive,
      ...{ model, classes: sizes.archiveClasses, steps: sizes.archiveReads },
    }),
  };
}

/** Batches in a window for each core: fewer where a photograph takes long. */
export function photoBatches(width: number): number {
  return width < 1000 ? 2 : 1;
}

/** Runs bench/row.mjs with a task. */
export function rowCommand(root: string, task: RowTask) {
  const args = [join(root, "bench/row.mjs"), JSON.stringify(task)];
  return { program: process.execPath, args };
}
