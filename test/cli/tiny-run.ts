/** A short run, made in this process, for tests of what comes after training. */
import { join } from "node:path";
import { fineTune } from "../../src/run/fine-tune.js";
import { engine } from "../engine-for-tests.js";
import { writeTinyFolder } from "./tiny-images.js";

export interface TinyRun {
  /** The run's folder. */
  readonly run: string;
  readonly checkpoint: string;
  /** The image folder that it was trained on. */
  readonly images: string;
}

/** Trains for a few steps below `root`; validation is of 15 images, in batches of 8. */
export async function makeTinyRun(root: string): Promise<TinyRun> {
  const images = await writeTinyFolder(root);
  const { folder } = await fineTune(
    {
      name: "tiny",
      model: "R14x0.5",
      fromScratch: true,
      dataset: images,
      logdir: join(root, "logs"),
      batch: 8,
      steps: 6,
      resolution: 40,
      crop: 32,
      // Whatever the processor: the tests compare values to float32's rounding.
      precision: "fp32",
    },
    engine,
  );
  return { run: folder.path, checkpoint: folder.checkpoint, images };
}
