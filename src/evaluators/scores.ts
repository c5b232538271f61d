/** What every evaluation has: mean loss, top-1, top-5. */
import type { Evaluation, Example } from "./evaluator.js";

/** Means over the images that were added. */
export class Scores implements Evaluation {
  private loss = 0;
  private top1 = 0;
  private top5 = 0;
  private count = 0;

  add({ label, loss, top }: Pick<Example, "label" | "loss" | "top">): void {
    this.loss += loss;
    if (top[0] === label) this.top1++;
    if (top.includes(label)) this.top5++;
    this.count++;
  }

  /** Mean cross-entropy in nats, shares in [0, 1]; not numbers where nothing was added. */
  means() {
    const { loss, top1, top5, count } = this;
    return { loss: loss / count, top1: top1 / count, top5: top5 / count, count };
  }
}
