/** A mean of the last values, the newest weighing the most, for people who watch a number. */

/**
 * An exponential moving average that begins with the first value instead of zero.
 * Source: D. P. Kingma and J. Ba, Adam, arXiv 1412.6980, section 3 (the correction of the bias).
 */
export class SmoothedMean {
  private mean = 0;
  private weight = 1;

  /** @param decay what a value weighs of the next one, in [0, 1) */
  constructor(private readonly decay: number) {}

  /**
   * The mean with one more value.
   * @param value where it is not finite, the mean stays as it is; NaN before the first one
   */
  next(value: number): number {
    if (Number.isFinite(value)) {
      this.mean = this.decay * this.mean + (1 - this.decay) * value;
      this.weight *= this.decay;
    }
    return this.mean / (1 - this.weight);
  }
}

/** What a step's loss weighs of the next step's, wherever the loss is smoothed. */
export const lossDecay = 0.95;
