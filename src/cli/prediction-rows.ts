/** What `bit-predict` prints: a row for each image as it is made, as text or within one JSON object. */
import type { Prediction, PredictSubject, SkippedImage } from "../run/predict.js";
import { topProbabilities } from "../run/probabilities.js";
import { output } from "./output.js";
import { visibleLine } from "./visible.js";

export interface RowsOptions {
  /** So many classes of each image. */
  readonly top: number;
  readonly json: boolean;
}

/**
 * The rows of one command. The JSON object is whole only with its `end`: what breaks off is no JSON,
 * though each row stands on a line of its own.
 */
export class PredictionRows {
  private readonly left: SkippedImage[] = [];
  private subject: PredictSubject | undefined;
  private count = 0;

  constructor(private readonly options: RowsOptions) {}

  readonly begun = (subject: PredictSubject): void => {
    this.subject = subject;
    for (const note of subject.notes) output.note(`note: ${note}`);
  };

  predicted({ source, index, logits }: Prediction): void {
    const top = topProbabilities(logits, this.options.top);
    if (this.options.json) {
      const named = top.map((one) => ({ ...one, name: this.nameOf(one.class, "") }));
      this.element({ source, ...(index === undefined ? {} : { index }), top: named });
      return;
    }
    const lines = top.map(({ class: label, probability }) => {
      const percent = `${(100 * probability).toFixed(2)} %`.padStart(9);
      return `  ${percent}  ${visibleLine(this.nameOf(label, "class "))}`;
    });
    const where = visibleLine(source);
    output.result([index === undefined ? where : `${where} [${index}]`, ...lines].join("\n"));
  }

  skipped(image: SkippedImage): void {
    this.left.push(image);
    const { source, reason } = image;
    if (this.options.json) this.element({ source, skipped: reason });
    else output.result(`${visibleLine(source)}\n  skipped: ${visibleLine(reason)}`);
  }

  /** Lists the skipped images on standard error. */
  listSkipped(): void {
    if (this.left.length === 0) return;
    const lines = this.left.map(
      ({ source, reason }) => `  ${visibleLine(source)}: ${visibleLine(reason)}`,
    );
    const images = lines.length === 1 ? "1 image" : `${lines.length} images`;
    output.note(`skipped ${images}:\n${lines.join("\n")}`);
  }

  /** Ends the JSON object, with the number of its rows and how many of them are skipped images. */
  end(): void {
    if (!this.options.json) return;
    const rest = { count: this.count, skipped: this.left.length };
    output.result(`],${JSON.stringify(rest).slice(1)}`);
  }

  private element(row: unknown): void {
    const { model, classes, size, precision, notes } = this.subject!;
    if (this.count === 0) {
      const head = JSON.stringify({ model, classes, size: size ?? null, precision, notes });
      output.result(`${head.slice(0, -1)},"predictions":[`);
    }
    output.result(`${this.count === 0 ? "" : ","}${JSON.stringify(row)}`);
    this.count++;
  }

  private nameOf(label: number, otherwise: string): string {
    return this.subject?.classNames?.[label] ?? `${otherwise}${label}`;
  }
}
