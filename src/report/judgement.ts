/** What predictions of held-out images come to: the evaluators' figures, and the images to look at. */
import { z } from "zod";
import type { Evaluator } from "../evaluators/evaluator.js";
import { evaluator as accuracy } from "../evaluators/measures/accuracy.js";
import { calibrationError } from "../evaluators/measures/calibration.js";
import { evaluator as confusion } from "../evaluators/measures/confusion.js";
import { evaluator as perClass } from "../evaluators/measures/per-class.js";
import { AllMeasures, valuesOf } from "../evaluators/registry.js";
import type { ReportJudgement, ShownImage } from "./report-data.js";

/** An image with the model's answer. */
export interface JudgedImage {
  readonly name: string;
  /** Its class. */
  readonly label: number;
  /** The most probable classes, best first. */
  readonly top: readonly number[];
  /** Their probabilities. */
  readonly probabilities: readonly number[];
}

/** A judgement, and which images it names, by their places. */
export interface Judged {
  readonly judgement: Omit<ReportJudgement, "samples">;
  /** As `judgement.worst`. */
  readonly worst: readonly number[];
  /** As `judgement.unsure`. */
  readonly unsure: readonly number[];
}

const share = z.number();
const figures = z.object({
  accuracy: z.object({ interval: z.object({ low: share, high: share }) }),
  per_class: z.object({
    macro: z.object({ precision: share, recall: share, f1: share }),
    classes: z.array(
      z.object({
        count: z.int(),
        predicted: z.int(),
        precision: share.nullable(),
        recall: share.nullable(),
        f1: share.nullable(),
      }),
    ),
  }),
  confusion: z.object({ cells: z.array(z.tuple([z.int(), z.int(), z.int()])) }),
});

const evaluators: readonly Evaluator[] = [accuracy, perClass, confusion];

/** Images of a kind that a report shows. */
export const mostShown = 24;

/** Judges predictions, of which there is at least one. */
export function judge(images: readonly JudgedImage[], classNames: readonly string[]): Judged {
  const classes = classNames.length;
  const subject = { classes, classNames, count: images.length };
  const measures = new AllMeasures(subject, evaluators);
  const confidences = new Float64Array(images.length);
  const right = new Uint8Array(images.length);
  for (const [index, { label, top, probabilities }] of images.entries()) {
    // None of these looks at logits.
    const unknown = { logits: new Float32Array(), loss: 0 };
    measures.add({ index, label, top: Int32Array.from(top), ...unknown });
    confidences[index] = probabilities[0]!;
    right[index] = top[0] === label ? 1 : 0;
  }
  const found = figures.parse(valuesOf(measures.finish()));
  const { error, bins } = calibrationError(confidences, right);
  const all = [...images.keys()];
  const wrong = all.filter((index) => right[index] === 0);
  const worst = wrong
    .sort((a, b) => confidences[b]! - confidences[a]! || a - b)
    .slice(0, mostShown);
  const unsure = all.sort((a, b) => confidences[a]! - confidences[b]! || a - b).slice(0, mostShown);
  const shown = (index: number) => shownImage(images[index]!);
  const judgement = {
    count: images.length,
    classNames,
    interval: found.accuracy.interval,
    macro: found.per_class.macro,
    perClass: found.per_class.classes,
    confusion: found.confusion.cells,
    calibrationError: error,
    reliability: bins,
    mistakes: wrong.length,
    places: images[0]!.top.length,
    worst: worst.map(shown),
    unsure: unsure.map(shown),
  };
  return { judgement, worst, unsure };
}

/** Classes of an image that a report names. */
const namedClasses = 3;

function shownImage({ name, label, top, probabilities }: JudgedImage): ShownImage {
  const places = [...top.keys()].filter((place) => place < namedClasses || top[place] === label);
  return {
    name,
    truth: label,
    top: places.map((place) => [top[place]!, Number(probabilities[place]!.toPrecision(5))]),
  };
}
