/** What of bit-train is measured beside its steps: input, archive, and the wait for the first step. */
import { join } from "node:path";
import { mustRun, reportOf } from "./child.js";
import { timeFirstStep } from "./first-step.js";
import { makeArchive, makeCifar } from "./made-data.js";
import type { RowTask } from "./row.js";
import { type BenchSizes, windowBatches } from "./sizes.js";
import { type StepTask, stepSubject } from "./step-subject.js";
import type { Subject } from "./subject.js";

/** Where the benchmark's programs and data lie. */
export interface BenchPlaces {
  /** The repository. */
  readonly root: string;
  /** Data that it makes for itself and keeps. */
  readonly data: string;
}

/** Files that both sides read. */
export interface BenchData {
  /** An archive of the model with a head of `archiveClasses`. */
  readonly archive: string;
  readonly cifar: string;
  /** Folders of photographs, in the order of `sizes.photos.sets`. */
  readonly photos: readonly string[];
}

/** Subjects of ours by what they are. */
export interface OwnSubjects {
  readonly trainFp32: Subject;
  readonly trainBf16: Subject;
  readonly evalFp32: Subject;
  readonly evalBf16: Subject;
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
  const { model, batch, resolution, classes, rounds, windows, cifar, photos } = sizes;
  const step = (mode: StepTask["mode"], precision: StepTask["precision"]) => {
    const steps = mode === "train" ? sizes.trainSteps : sizes.evalSteps;
    const size = { model, batch, resolution, classes, steps, warmup: 1 };
    const task = { ...size, mode, precision, implementation: "graph" } as const;
    return stepSubject(task, join(places.root, "bin/bit-bench.js"), rounds);
  };
  const row = (id: string, task: RowTask): Subject => {
    return { id, title: id, rounds, measure: () => reportOf(rowCommand(places.root, task)) };
  };
  const pipeline = { kind: "pipeline", batch, steps: windows, warmup: 1 } as const;
  return {
    trainFp32: step("train", "fp32"),
    trainBf16: step("train", "bf16"),
    evalFp32: step("eval", "fp32"),
    evalBf16: step("eval", "bf16"),
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

function rowCommand(root: string, task: RowTask) {
  const args = [join(root, "bench/row.mjs"), JSON.stringify(task)];
  return { program: process.execPath, args };
}
