/** Gives the training pipeline its examples, from any position of the endless stream. */
import { AUGMENTATION_WIDTH, fillAugmentations } from "../data/augmentation.js";
import { ExampleOrder, type ExampleSlice } from "../data/order.js";
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
    private readonly program: Pick<Program, "session" | "pipelines" | "place">,
    examples: number,
    private readonly plan: Pick<TrainPlan, "seed" | "batch" | "resolution" | "flip">,
    private readonly totalSteps: number,
  ) {
    this.order = new ExampleOrder(plan.seed, examples);
  }

  /** To be called before each step, in order: the pipeline then holds the step's examples. */
  async prepare(step: number): Promise<void> {
    if (step < this.filledTo) return;
    const { seed, batch, resolution, flip } = this.plan;
    const share = batch / this.program.place.ranks;
    const steps = Math.max(1, Math.floor(partExamples / share));
    const end = Math.min(this.totalSteps, step + steps);
    const count = (end - step) * share;
    const { indices, epochs } = this.examples(step, end);
    const augmentations = new Int32Array(count * AUGMENTATION_WIDTH);
    const slack = resolution.precrop - resolution.crop;
    fillAugmentations({ seed, slack, flip }, epochs, indices, augmentations);
    await startImages(this.program, trainPipeline, indices, augmentations);
    this.filledTo = end;
  }

  /** Those of this rank: of each step's batch the part that its place has. */
  private examples(step: number, end: number): ExampleSlice {
    const { batch } = this.plan;
    const { rank, ranks } = this.program.place;
    if (ranks === 1) return this.order.slice(step * batch, (end - step) * batch);
    const share = batch / ranks;
    const indices = new Int32Array((end - step) * share);
    const epochs = new Int32Array(indices.length);
    for (let at = step; at < end; at++) {
      const part = this.order.slice(at * batch + rank * share, share);
      indices.set(part.indices, (at - step) * share);
      epochs.set(part.epochs, (at - step) * share);
    }
    return { indices, epochs };
  }
}
