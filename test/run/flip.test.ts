/** `--no-flip`: a run that differs from one without it by mirrored images, and by nothing else. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { augmentation } from "../../src/data/augmentation.js";
import { ExampleOrder } from "../../src/data/order.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { trainingImages } from "../../src/run/training-images.js";
import { bmp, tinyClasses, writeTinyFolder } from "../cli/tiny-images.js";
import { writeTree } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { decodedPng } from "./decoded-png.js";
import { stoppingAfter } from "./observing.js";
import { dataset, settings } from "./tiny-training.js";

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
});

after(() => rm(root, { recursive: true, force: true }));

test("each training image is as without the flag, but for being mirrored", async () => {
  const step = 3;
  const shown = async (flip: boolean) => {
    const config = { ...settings, flip, data: { labels: "", images: "" } };
    const { png, width } = await trainingImages(engine, dataset, config, step);
    return { pixels: await decodedPng(png), width };
  };
  const [mirrored, plain] = [await shown(true), await shown(false)];
  const { seed, batch, trainSize, resolution } = settings;
  const { precrop, crop } = resolution;
  const { indices, epochs } = new ExampleOrder(seed, trainSize).slice(step * batch, batch);
  let flips = 0;
  for (let i = 0; i < batch; i++) {
    const plan = { seed, slack: precrop - crop, flip: true };
    const { flip } = augmentation(plan, epochs[i]!, indices[i]!);
    flips += Number(flip);
    for (let y = 0; y < crop; y++)
      for (let x = 0; x < crop; x++)
        for (let channel = 0; channel < 3; channel++) {
          // Three images in a row.
          const row = (Math.floor(i / 3) * crop + y) * plain.width + (i % 3) * crop;
          const at = (column: number) => 3 * (row + column) + channel;
          const there = mirrored.pixels[at(flip ? crop - 1 - x : x)];
          assert.equal(plain.pixels[at(x)], there, `image ${i}`);
        }
  }
  assert.ok(flips > 0 && flips < batch, `${flips} of ${batch} are mirrored`);
});

/** Fine-tunes for 6 steps, with random crops. @returns its checkpoint's bytes, and what was said */
async function tuned(changes: Partial<FineTuneOptions> & { dataset: string }, stopAt = 6) {
  const lines: string[] = [];
  const options = {
    ...{ model: "R14x0.5", fromScratch: true, batch: 8, batchSplit: 1, steps: 6, baseLr: 0.1 },
    ...{ resolution: 40, crop: 32, report: false, tensorboard: false, precision: "fp32" as const },
    ...{ logdir: join(root, "logs"), ...changes },
  };
  const observer = stoppingAfter(stopAt, { line: (line) => lines.push(line) });
  const { folder, steps } = await fineTune(options, engine, observer);
  assert.equal(steps, stopAt);
  return { checkpoint: await readFile(folder.checkpoint), lines: lines.join("\n") };
}

/** A folder of images whose rows are of one colour each: their mirror images are themselves. */
async function writeStripes(): Promise<string> {
  const side = 40;
  const files: Record<string, Uint8Array> = {};
  tinyClasses.forEach((name, label) => {
    for (let number = 0; number < 13; number++) {
      const pixels = Uint8Array.from({ length: 3 * side * side }, (_, i) => {
        const y = Math.floor(i / (3 * side));
        return (31 * y * (label + 1) + 57 * number + 90 * (i % 3)) % 256;
      });
      files[`${number < 8 ? "train" : "val"}/${name}/${number}.bmp`] = bmp(pixels, side, side);
    }
  });
  await writeTree(join(root, "stripes"), files);
  return join(root, "stripes");
}

test("a run on images that are their own mirror images is the same, to the bit", {
  skip: engine.target.device === "GPU" && "sums are not in the same order each time",
}, async () => {
  const stripes = await writeStripes();
  const usual = await tuned({ name: "stripes", dataset: stripes });
  const plain = await tuned({ name: "stripes_plain", dataset: stripes, flip: false });
  assert.deepEqual(plain.checkpoint, usual.checkpoint);
  assert.match(plain.lines, /cropped to 32, not mirrored, /);
  assert.doesNotMatch(usual.lines, /mirrored/);
});

test("on others it is another run; both go on as they began, and are not taken for each other", {
  skip: engine.target.device === "GPU" && "sums are not in the same order each time",
}, async () => {
  const photos = await writeTinyFolder(root);
  const whole: Buffer[] = [];
  for (const flip of [undefined, false]) {
    const changes = { dataset: photos, flip };
    whole.push((await tuned({ ...changes, name: `whole_${flip}` })).checkpoint);
    const name = `parts_${flip}`;
    await tuned({ ...changes, name }, 2);
    const other = { dataset: photos, name, flip: flip === undefined ? false : undefined };
    await assert.rejects(tuned(other), /--flip was (true, is now false|false, is now true)/);
    const { checkpoint } = await tuned({ ...changes, name });
    assert.deepEqual(checkpoint, whole.at(-1));
  }
  assert.notDeepEqual(whole[0], whole[1]);
});
