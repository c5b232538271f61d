/** The confusion matrix of an evaluation as a picture, for those who follow the run. */
import type { Engine } from "../engine/session.js";
import type { Evaluation, Example } from "../evaluators/evaluator.js";
import { ImageEncoder } from "../input/image-encoder.js";
import type { PictureEvent } from "../record/run-events.js";
import { ConfusionCounts, confusionPixels } from "./confusion-pixels.js";

/** Of more classes than this the description has no names. */
const mostNames = 100;

/** Counts what the images of an evaluation are taken for. */
export class ConfusionPicture implements Evaluation {
  private readonly counts: ConfusionCounts;

  constructor(private readonly classNames: readonly string[]) {
    this.counts = new ConfusionCounts(classNames.length);
  }

  add({ label, top }: Pick<Example, "label" | "top">): void {
    this.counts.add(label, top[0]!);
  }

  /** @param step steps done when the images were evaluated */
  async event(engine: Pick<Engine, "open">, step: number): Promise<PictureEvent> {
    const { width, height, pixels } = confusionPixels(this.counts);
    const encoder = new ImageEncoder(engine, [height, width], { format: "png" });
    try {
      const png = await encoder.encode(pixels);
      const about = { about: "evaluation", title: "confusion matrix" } as const;
      return { type: "picture", ...about, description: this.describe(), step, width, height, png };
    } finally {
      encoder.close();
    }
  }

  /** Markdown: what is seen, and which number is which class. */
  private describe(): string {
    const { classNames, counts } = this;
    const of = counts.together > 1 ? `${counts.together} neighbouring classes` : "a class";
    const seen =
      `A row for the images of ${of}, from the top; a column for what they were taken for, from the left. ` +
      "Colours, and numbers in per cent, are shares of a row: green where right, red where wrong. " +
      "Grey rows have no images.";
    if (classNames.length > mostNames)
      return `${seen} The numbers at the edges are places in \`classNames\` of config.json, from 0.`;
    // Of an indented block all is text.
    const names = classNames.map((name, i) => `    ${i}  ${name.replaceAll(/\p{Cc}/gu, " ")}`);
    return `${seen} The numbers at the edges are classes:\n\n${names.join("\n")}`;
  }
}
