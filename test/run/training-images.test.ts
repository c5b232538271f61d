/** The picture of training images: the values that the training's own pipeline gives, mixed as in the step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { mixupLambda, mixupPartners } from "../../src/recipe/mixup.js";
import { trainingImages } from "../../src/run/training-images.js";
import { openTrainProgram } from "../../src/step/program.js";
import { TrainFeed } from "../../src/train/train-feed.js";
import { engine } from "../engine-for-tests.js";
import { decodedPng } from "./decoded-png.js";
import { dataset, settings } from "./tiny-training.js";

for (const mixupAlpha of [undefined, 0.8])
  test(`${mixupAlpha === undefined ? "without" : "with"} mixup`, async () => {
    const step = 3;
    const config = { ...settings, mixupAlpha, data: { labels: "", images: "" } };
    const { seed, batch, resolution } = config;
    const program = await openTrainProgram(
      engine.open,
      {
        architecture: parseArchitecture(config.model),
        classes: dataset.classNames.length,
        target: engine.target,
      },
      dataset,
      {
        ...{ resolution, microBatch: batch, split: 1, mixup: false, evalBatch: 8, workers: 1 },
        input: { resize: config.resize },
      },
    );
    try {
      const feed = new TrainFeed(program, config.trainSize, config, 20);
      await feed.prepare(step);
      const [images] = await program.session.run({}, ["train_images/images"]);
      const { crop } = resolution;
      const size = crop * crop * 3;
      assert.ok(images?.type === "uint8" || images?.type === "float32");
      const bytes = images.type === "uint8";
      const levels = Float32Array.from(images.data, (v) => (bytes ? v : 127.5 * v + 127.5));
      const lambda = mixupAlpha === undefined ? 1 : mixupLambda(seed, step, mixupAlpha);
      const partners = mixupPartners(seed, step, 0, batch);

      const { width, height, png, step: at } = await trainingImages(engine, dataset, config, step);
      assert.deepEqual([width, height, at], [3 * crop, 3 * crop, step]);
      const pixels = await decodedPng(png);
      let farthest = 0;
      for (let i = 0; i < batch; i++)
        for (let p = 0; p < size; p++) {
          const [row, rest] = [Math.floor(p / (3 * crop)), p % (3 * crop)];
          const y = Math.floor(i / 3) * crop + row;
          const got = pixels[3 * (y * width + (i % 3) * crop) + rest]!;
          const mixed =
            lambda * levels[i * size + p]! + (1 - lambda) * levels[partners[i]! * size + p]!;
          farthest = Math.max(farthest, Math.abs(got - mixed));
        }
      // A PNG has whole levels; sums are in float32.
      assert.ok(farthest <= 0.501, `${farthest} levels`);
    } finally {
      program.session.close();
    }
  });

test("large images are made smaller, and a run that is done shows its last step", async () => {
  const resolution = { precrop: 400, crop: 330 };
  const config = { ...settings, resolution, data: { labels: "", images: "" } };
  const { width, height, png } = await trainingImages(engine, dataset, config, 20);
  // A third of 330, of which three are in a row.
  assert.deepEqual([width, height], [330, 330]);
  assert.equal((await decodedPng(png)).length, 330 * 330 * 3);
});
