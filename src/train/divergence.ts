/** Notices that a training has diverged, so that it stops while there is a good checkpoint. */
import { UserError } from "../errors.js";

const tolerated = 10;
const stepsInARow = 3;

/**
 * Watches the loss of every step. A training has diverged where the loss is not finite, or above ten
 * times that of guessing, ln(classes), for three steps in a row. A head of zeros guesses, so that is
 * the first step's loss too. Ten times means that the right class is given a probability of
 * classes^-10, in the mean of a batch: a healthy run can be that wrong on a single batch, as right
 * after the warm-up, and has left it at the next. With two classes ln is below 1, and 10 stands.
 * Where classes have weights, a batch may be of the one that weighs most.
 */
export class LossWatch {
  private readonly limit: number;
  private high = 0;

  /** @param weights of the classes, `[classes]`; undefined where examples count alike */
  constructor(classes: number, weights?: Float64Array) {
    const most = weights?.reduce((a, b) => Math.max(a, b)) ?? 1;
    this.limit = tolerated * most * Math.max(1, Math.log(classes));
  }

  /** Whether the last loss was too high: its state shall not take the place of a good one. */
  get suspicious(): boolean {
    return this.high > 0;
  }

  /**
   * @param step of which it is the loss, from 0
   * @param saved steps after which the state was last saved
   * @throws UserError where the training has diverged
   */
  check(step: number, loss: number, saved: number): void {
    this.high = loss > this.limit ? this.high + 1 : 0;
    if (!Number.isFinite(loss)) throw diverged(step, `the loss is ${loss}`, saved);
    if (this.high < stepsInARow) return;
    const got = `the loss is ${loss.toFixed(1)}, for ${stepsInARow} steps above ${this.limit.toFixed(1)}`;
    throw diverged(step, got, saved);
  }
}

/**
 * @param steps after which the loss of a validation is `loss`; their state is saved already
 * @throws UserError where it is not finite
 */
export function requireFinite(steps: number, loss: number): void {
  if (Number.isFinite(loss)) return;
  throw new UserError(
    `step ${steps}`,
    `the loss of the validation is ${loss}`,
    "a finite loss: the training has diverged, or the precision does not suffice",
    "type the same command with --precision fp32 --force, which evaluates this state again; or move " +
      `checkpoints/${steps} away and go on from the one before with --force and a lower --base_lr`,
  );
}

function diverged(step: number, got: string, saved: number): UserError {
  const kept =
    saved > 0 ? `, or with --force from the checkpoint of step ${saved}, which is kept` : "";
  return new UserError(
    `step ${step}`,
    got,
    "a finite loss near that of guessing or below: the training has diverged",
    "start anew with a lower --base_lr (the rule's 0.003 is for a batch of 512) or " +
      `--precision fp32${kept}`,
  );
}
