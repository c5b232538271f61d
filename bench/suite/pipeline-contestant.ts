/** The input pipeline alone: how many images a second it prepares when nothing else computes. */
import { availableParallelism } from "node:os";
import { timeSteps } from "../../src/bench/step-timing.js";
import { fillAugmentations } from "../../src/data/augmentation.js";
import { loadDataset } from "../../src/data/datasets.js";
import { ExampleOrder } from "../../src/data/order.js";
import type { OpenedEngine } from "../../src/engine/open.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { defineDecoders } from "../../src/input/decoders.js";
import { addPipeline, loadPipeline, startPipeline } from "../../src/input/pipeline.js";
import type { Report } from "./report.js";

export interface PipelineTask {
  /** As `bit-train` takes them. */
  readonly dataset: string;
  readonly datadir?: string;
  readonly batch: number;
  /** Side to which images are resized, and of the crop, in pixels. */
  readonly resizeTo: number;
  readonly crop: number;
  /** Batches in each timed window: a batch alone may be ready before it is asked for. */
  readonly window: number;
  /** Windows that are not timed, and those that are. */
  readonly warmup: number;
  readonly steps: number;
}

const name = "train_images";
const seed = 0;

/**
 * Takes batches as fast as the pipeline gives them, with a thread a core. Labels and one value are
 * brought to JavaScript; the images are made and dropped. Each step of the report is a window.
 */
export async function measurePipeline(engine: OpenedEngine, task: PipelineTask): Promise<Report> {
  const { batch, resizeTo, crop, window, warmup, steps } = task;
  const { train } = await loadDataset({ dataset: task.dataset, datadir: task.datadir, seed });
  const builder = new GraphBuilder();
  const { target } = engine;
  defineDecoders(builder, target);
  const workers = availableParallelism();
  // Decoded images are not kept: every one is to cost what it costs the first time.
  const options = { target, name, batch, resizeTo, crop, workers };
  const { images, labels, pipeline } = addPipeline(builder, train, options);
  // One value of the images: TensorFlow leaves out what only has to be done before.
  const corner = [builder.ints([0, 0, 0, 0]), builder.ints([1, 1, 1, 1])];
  const attrs = { T: attribute.type("float32"), Index: attribute.type("int32") };
  const spec = { type: "float32", shape: [1, 1, 1, 1] } as const;
  builder.fetchable("bench/value", builder.one("Slice", [images, ...corner], attrs, spec));
  builder.fetchable("bench/labels", labels);
  const session = engine.open(builder.build());
  try {
    const count = batch * window * (warmup + steps);
    const { indices, epochs } = new ExampleOrder(seed, train.labels.length).slice(0, count);
    const augmentations = new Int32Array(3 * count);
    fillAugmentations({ seed, slack: resizeTo - crop, flip: true }, epochs, indices, augmentations);
    await loadPipeline(session, pipeline);
    await startPipeline(session, pipeline, indices, augmentations);
    const takeWindow = async () => {
      for (let i = 0; i < window; i++) await session.run({}, ["bench/labels", "bench/value"]);
    };
    await timeSteps(warmup, takeWindow);
    const times = await timeSteps(steps, takeWindow);
    return {
      steps_ms: times.wallMs,
      steps_cpu_ms: times.cpuMs,
      other_cpu_share: times.otherShare,
      batch: batch * window,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    session.close();
  }
}
