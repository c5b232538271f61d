/** Gives the training pipeline its examples, from any position of the endless stream. */
import { AUGMENTATION_WIDTH, fillAugmentations } from "../data/augmentation.js";
import type { Split } from "../data/dataset.js";
import { ExampleOrder } from "../data/order.js";
import type { Session } from "../engine/session.js";
import { startPipeline } from "../input/pipeline.js";
import type { Resolution } from "../recipe/hyperrule.js";
import { trainPipeline } from "../step/graphs.js";

// Examples handed over at once: 16 bytes each, and the pipeline is drained only where a part ends.
const partExamples = 2 ** 20;

export class TrainFeed {
  private readonly order: ExampleOrder;
  /** Steps before this one have their examples in the pipeline. */
  private filledTo = -1;

  constructor(
    private readonly session: Session,
    private readonly train: Split,
    private readonly seed: number,
    private readonly batch: number,
    private readonly resolution: Resolution,
    private readonly totalSteps: number,
  ) {
    this.order = new ExampleOrder(seed, train.labels.length);
  }

  /** To be called before each step, in order: the pipeline then holds the step's examples. */
  async prepare(step: number): Promise<void> {
    if (step < this.filledTo) return;
    const steps = Math.max(1, Math.floor(partExamples / this.batch));
    const end = Math.min(this.totalSteps, step + steps);
    const count = (end - step) * this.batch;
    const { indices, epochs } = this.order.slice(step * this.batch, count);
    const augmentations = new Int32Array(count * AUGMENTATION_WIDTH);
    const slack = this.resolution.precrop - this.resolution.crop;
    fillAugmentations(this.seed, epochs, indices, slack, augmentations);
    await startPipeline(this.session, trainPipeline, this.train, indices, augmentations);
    this.filledTo = end;
  }
}
