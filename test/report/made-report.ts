/** Reports of made-up runs. */
import type { Dataset, Split } from "../../src/data/dataset.js";
import { type JudgedImage, judge } from "../../src/report/judgement.js";
import type { HeatMap, ReportData, ReportedRun } from "../../src/report/report-data.js";
import { pointsOf, RunCurve } from "../../src/report/run-curve.js";
import { type PictureSource, withPictures } from "../../src/report/show-images.js";
import { engine } from "../engine-for-tests.js";

/** Numbers in [0, 1) that look random. */
function noise(i: number): number {
  return (((i + 1) * 2654435761) % 2 ** 32) / 2 ** 32;
}

/** A run's curve of so many steps, evaluated twenty times. */
export function madeCurve(steps: number): RunCurve {
  const curve = new RunCurve();
  for (let step = 0; step < steps; step++) {
    const loss = 4 * Math.exp((-5 * step) / steps) + noise(step);
    curve.addStep({
      step,
      loss,
      lr: 0.003 * noise(step),
      elapsedMs: 90 + 20 * noise(step),
      batch: 512,
    });
    const every = Math.ceil(steps / 20);
    if ((step + 1) % every === 0)
      curve.addValidation({ steps: step + 1, loss: loss / 2, top1: step / steps, top5: 1 });
  }
  return curve;
}

/** Predictions of which a fifth is wrong. */
export function madePredictions(count: number, classes: number): JudgedImage[] {
  return Array.from({ length: count }, (_, i) => {
    const label = i % classes;
    const best = noise(i) < 0.2 ? (label + 1 + Math.floor(noise(7 * i) * 5)) % classes : label;
    const others = [1, 2, 3, 4].map((n) => (best + n) % classes);
    const sure = 0.3 + 0.7 * noise(3 * i);
    const rest = [0.5, 0.3, 0.15, 0.05].map((share) => share * (1 - sure));
    const name = `/data/a folder of photos/val/class ${label}/photo number ${i} of many.jpg`;
    return { name, label, top: [best, ...others], probabilities: [sure, ...rest] };
  });
}

/** Images of noise: the largest files that pictures may be. */
function noisy(labels: Int32Array, side: number): Split {
  const pixels = Uint8Array.from(
    { length: labels.length * side * side * 3 },
    (_, i) => 256 * noise(i),
  );
  return { images: { kind: "pixels", pixels, height: side, width: side }, labels };
}

/** A map as those of images of 480 x 480 pixels. */
function madeHeat(label: number, index: number): HeatMap {
  const [rows, columns] = [15, 15];
  const levels = Buffer.from(
    Array.from({ length: rows * columns }, (_, i) => 256 * noise(i * index)),
  );
  return { label, rows, columns, levels: levels.toString("base64") };
}

/** A run of 100 classes, 10,000 held-out images, 20,000 steps, and pictures that could not be larger. */
export async function largeReport(): Promise<ReportData> {
  const classes = 100;
  const classNames = Array.from({ length: classes }, (_, i) => `the class of number ${i}`);
  const images = madePredictions(10_000, classes);
  const judged = judge(images, classNames);
  const shown = [...judged.worst, ...judged.unsure];
  const dataset: Pick<Dataset, "train" | "val"> = {
    train: noisy(
      Int32Array.from({ length: classes }, (_, i) => i),
      160,
    ),
    val: noisy(
      Int32Array.from(shown, (index) => images[index]!.label),
      160,
    ),
  };
  const explain: PictureSource["explain"] = async (asked) =>
    asked.map(({ labels, index }) => labels.map((label) => madeHeat(label, index)));
  const source = { engine, dataset, resize: "pillow" as const, explain };
  const judgement = await withPictures(judged, source, (index) => shown.indexOf(index));
  return reportOf({ ...madeRun("large", 20_000), classes, valSize: 10_000, judgement });
}

/** A run without images. */
export function madeRun(name: string, steps: number): ReportedRun {
  const curve = madeCurve(steps);
  return {
    ...{ name, path: `/runs/${name}`, model: "BiT-M-R50x1", dataset: "/data/photos", steps },
    ...{ totalSteps: steps, final: curve.validations.at(-1), seconds: 4000 },
    settings: { batch: "512", baseLr: "0.003" },
    curves: pointsOf(curve),
    times: [
      { part: "load", seconds: 20 },
      { part: "step", seconds: 3980 },
    ],
    remarks: [],
  };
}

/** A report of runs. */
export function reportOf(...runs: readonly ReportedRun[]): ReportData {
  return { bitTrain: "0.0.0", made: "2026-01-02T03:04:05.000Z", runs };
}
