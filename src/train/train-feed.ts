/** Gives the training pipeline its examples, from any position of the endless stream. */
import { AUGMENTATION_WIDTH, fillAugmentations } from "../data/augmentation.js";
import { ExampleOrder } from "../data/order.js";
import { trainPipeline } from "../step/graphs.js";
import { type Program, startImages } from "../step/program.js";
import type { TrainPlan } from "./train-plan.js";

// Examples handed over at once: 16 bytes each, and the pipeline is drained only where a part ends.
const partExamples = 2 ** 20;

export class TrainFeed {
  private readonly order: ExampleOrder;
  /** Steps before this one have their examples in the pipeline. */
  private filledTo = -1;

  constructor(
    private readonly program: Pick<Program, "session" | "pipelines">,
    examples: number,
    private readonly plan: Pick<TrainPlan, "seed" | "batch" | "resolution">,
    private readonly totalSteps: number,
  ) {
    this.order = new ExampleOrder(plan.seed, examples);
  }

  /** To be called before each step, in order: the pipeline then holds the step's examples. */
  async prepare(step: number): Promise<void> {
    if (step < this.filledTo) return;
    const { seed, batch, resolution } = this.plan;
    const steps = Math.max(1, Math.floor(partExamples / batch));
    const end = Math.min(this.totalSteps, step + steps);
    const count = (end - step) * batch;
    const { indices, epochs } = this.order.slice(step * batch, count);
    const augmentations = new Int32Array(count * AUGMENTATION_WIDTH);
    const slack = resolution.precrop - resolution.crop;
    fillAugmentations(seed, epochs, indices, slack, augmentations);
    await startImages(this.program, trainPipeline, indices, augmentations);
    this.filledTo = end;
  }
}
