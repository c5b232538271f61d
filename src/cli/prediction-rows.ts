/** What `bit-predict` prints: a row for each image as it is made, as text or as a line of JSON. */
import { counted } from "../counted.js";
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
 * The rows of one command. As JSON a line of type `start` comes before those of type `image`, and one of type
 * `end` after them, without which something broke off.
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
    this.next();
    const top = topProbabilities(logits, this.options.top);
    if (this.options.json) {
      const named = top.map((one) => ({ ...one, name: this.nameOf(one.class, "") }));
      this.line("image", { source, ...(index === undefined ? {} : { index }), top: named });
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
    this.next();
    this.left.push(image);
    const { source, reason } = image;
    if (this.options.json) this.line("image", { source, skipped: reason });
    else output.result(`${visibleLine(source)}\n  skipped: ${visibleLine(reason)}`);
  }

  /** Lists the skipped images on standard error. */
  listSkipped(): void {
    if (this.left.length === 0) return;
    const lines = this.left.map(
      ({ source, reason }) => `  ${visibleLine(source)}: ${visibleLine(reason)}`,
    );
    output.note(`skipped ${counted(lines.length, "image")}:\n${lines.join("\n")}`);
  }

  /** The end: the number of rows, and how many of them are skipped images. */
  end(): void {
    this.line("end", { count: this.count, skipped: this.left.length });
  }

  private next(): void {
    // With the first row, so that a command that only fails prints nothing.
    if (this.count++ > 0) return;
    const { model, classes, size, precision, notes } = this.subject!;
    this.line("start", { model, classes, size: size ?? null, precision, notes });
  }

  private line(type: "start" | "image" | "end", row: object): void {
    if (this.options.json) output.result(JSON.stringify({ type, ...row }));
  }

  private nameOf(label: number, otherwise: string): string {
    return this.subject?.classNames?.[label] ?? `${otherwise}${label}`;
  }
}
