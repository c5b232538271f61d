/**
 * Makes what `sample/` ships: a small network, pretrained on five of Fashion-MNIST's classes, and a
 * few images of the other five.
 *
 *   sudo apt install dataset-fashion-mnist
 *   npx tsc && node dist/scripts/make-sample.js [FOLDER OF THE IDX FILES]
 *
 * Ten minutes or so on two cores. The images are the same each time; the weights are, on the same
 * kind of processor.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodeNpzBytes } from "../src/archive/npz-bytes.js";
import type { NamedArray } from "../src/archive/numeric-array.js";
import type { Dataset } from "../src/data/dataset.js";
import { openEngine } from "../src/engine/open.js";
import { plainTarget } from "../src/graph/target.js";
import { parseArchitecture } from "../src/model/architecture.js";
import { sampleFacts, sampleModel } from "../src/run/sample-model.js";
import { randomValues } from "../src/step/initial-values.js";
import { type OpenSession, openTrainProgram } from "../src/step/program.js";
import { assignVariables, readVariables } from "../src/step/variables.js";
import { train } from "../src/train/train.js";
import type { TrainPlan } from "../src/train/train-plan.js";
import {
  type ClassName,
  imageAt,
  indicesOf,
  readPart,
  side,
  splitOf,
} from "./sample/fashion-mnist.js";
import { PngEncoder } from "./sample/png.js";

const pretrainClasses: readonly ClassName[] = sampleFacts.classNames;
const transferClasses: readonly ClassName[] = ["dress", "coat", "sandal", "shirt", "ankle-boot"];

/** Images of each transfer class: from the training set to learn from, from the test set to judge. */
const trainPerClass = 5;
const valPerClass = 100;

const plan: TrainPlan = {
  seed: 0,
  batch: 64,
  split: 1,
  baseLr: 0.05,
  schedule: [100, 800, 1100, 1250, 1400],
  mixupAlpha: 0.1,
  resolution: { precrop: 54, crop: sampleFacts.crop },
  flip: true,
  evalBatch: 200,
  evalEvery: undefined,
  saveEvery: undefined,
};

const folder = process.argv[2] ?? "/usr/share/datasets/fashion-mnist";
const target = fileURLToPath(new URL("../../sample/", import.meta.url));
const { open } = openEngine();

async function main(): Promise<void> {
  await mkdir(target, { recursive: true });
  await writeImages();
  const bytes = await encodeNpzBytes(await pretrain(open), { float16: true, compress: true });
  await writeFile(join(target, `${sampleModel}.npz`), bytes);
  console.log(`${sampleModel}.npz: ${bytes.length} bytes`);
}

/** Trains on all images of the pretraining classes; returns the variables. */
async function pretrain(openSession: OpenSession): Promise<NamedArray[]> {
  const dataset: Dataset = {
    name: "pretraining",
    classNames: pretrainClasses,
    train: splitOf(await readPart(folder, "train"), pretrainClasses),
    val: splitOf(await readPart(folder, "t10k"), pretrainClasses),
    typicalSize: [side, side],
  };
  const network = {
    architecture: parseArchitecture(sampleModel),
    classes: pretrainClasses.length,
    target: plainTarget,
  } as const;
  const program = await openTrainProgram(openSession, network, dataset, {
    resolution: plan.resolution,
    microBatch: plan.batch,
    split: 1,
    mixup: true,
    evalBatch: plan.evalBatch,
    workers: 2,
  });
  await assignVariables(program.session, randomValues(program.variables, plan.seed));
  await program.session.run({}, ["train/initialize"]);
  await train(
    program,
    dataset,
    plan,
    { step: 0, evaluated: false },
    {
      step: ({ step, loss }) => {
        if (step % 50 === 0) console.log(`step ${step}: loss ${loss.toFixed(4)}`);
      },
      validation: (at, { top1 }) => console.log(`pretraining@${at}: top-1 ${top1}`),
      save: async () => {},
      interrupted: () => false,
    },
  );
  const arrays: NamedArray[] = [];
  for await (const [{ name, shape }, data] of readVariables(program.session, program.variables))
    arrays.push({ name, array: { shape, data } });
  program.session.close();
  return arrays;
}

/** The first images of each transfer class, as PNG files. */
async function writeImages(): Promise<void> {
  const encoder = new PngEncoder(open, side, side);
  await rm(join(target, "images"), { recursive: true, force: true });
  for (const [part, to, count] of [
    ["train", "train", trainPerClass],
    ["t10k", "val", valPerClass],
  ] as const) {
    const data = await readPart(folder, part);
    for (const name of transferClasses) {
      const into = join(target, "images", to, name);
      await mkdir(into, { recursive: true });
      for (const [i, index] of indicesOf(data, name).slice(0, count).entries()) {
        const png = await encoder.encode(imageAt(data, index));
        await writeFile(join(into, `${String(i).padStart(3, "0")}.png`), png);
      }
    }
  }
  encoder.close();
}

await main();
