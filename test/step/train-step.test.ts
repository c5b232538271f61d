import assert from "node:assert/strict";
import { test } from "node:test";
import { floats, type HostTensor, scalar } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { inType, plainTarget, type Target } from "../../src/graph/target.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { growthInterval } from "../../src/step/loss-scale.js";
import { addTrainStep, type Network } from "../../src/step/train-step.js";
import type { LossOptions } from "../../src/step/training-loss.js";
import { assignVariables, declareVariable, readVariables } from "../../src/step/variables.js";
import {
  type GoldenTrain,
  golden,
  imageValues,
  labelValues,
  variableValues,
} from "../deterministic.js";
import { onPlainTiles, onVectors } from "../engine/tile-cases.js";
import { engine, open } from "../engine-for-tests.js";

const architecture = parseArchitecture("R14x0.5");
const classes = 7;
const size = 32;

/** A tiny network's training step on fed images. `state` reads all variables and momenta. */
async function stepper(
  microBatch: number,
  split: number,
  {
    target = engine.target,
    remat,
    ...loss
  }: Partial<Pick<Network, "target" | "remat">> & LossOptions = {},
) {
  const builder = new GraphBuilder();
  const variables = variableSpecs(architecture, classes).map((s) => declareVariable(builder, s));
  const batch = {
    images: builder.placeholder("images", "float32", [microBatch, size, size, 3]),
    labels: builder.placeholder("labels", "int32", [microBatch]),
  };
  const network = { architecture, classes, target, remat };
  const options = { mixup: false, split, ...loss };
  const remembered = await addTrainStep(builder, network, variables, batch, options);
  const session = open(builder.build());
  const values = async function* () {
    for (const variable of variables) yield [variable, variableValues(variable)] as const;
  };
  await assignVariables(session, values());
  await session.run({}, ["train/initialize"]);
  return {
    session,
    run: async (start: number, fetch: string) => {
      const images = imageValues(8, size, size);
      const labels = labelValues(8, classes);
      const each = size * size * 3;
      const part = images.slice(start * each, (start + microBatch) * each);
      const data = labels.slice(start, start + microBatch);
      const feeds: Record<string, HostTensor> = {
        images: { type: "float32", shape: [microBatch, size, size, 3], data: part },
        labels: { type: "int32", shape: [microBatch], data },
        "train/learning_rate": scalar("float32", 0.01),
      };
      return floats((await session.run(feeds, [fetch]))[0])[0]!;
    },
    state: async () => {
      const all = new Map<string, Float32Array>();
      for await (const [{ name }, data] of readVariables(session, [...variables, ...remembered]))
        all.set(name, data.slice());
      return all;
    },
  };
}

/** The same but for sums in another order: rounding alone, which three steps amplify. */
function assertAlike(a: Map<string, Float32Array>, b: Map<string, Float32Array>): void {
  for (const [name, values] of a) {
    const largest = values.reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    const others = b.get(name)!;
    const worst = values.reduce((m, x, i) => Math.max(m, Math.abs(x - others[i]!)), 0);
    assert.ok(worst <= 2e-3 * largest, `${name}: ${worst} of ${largest}`);
  }
}

const weighed: LossOptions = {
  labelSmoothing: 0.1,
  classWeights: Float64Array.of(0.4, 3, 0.7, 9, 1, 0.2, 5),
};

for (const [what, loss] of [
  ["a batch", {}],
  ["a batch of weighed examples", weighed],
] as const)
  test(`${what} in parts trains as the whole batch does`, async () => {
    const whole = await stepper(8, 1, loss);
    const parts = await stepper(2, 4, loss);
    try {
      for (let step = 0; step < 3; step++) {
        const loss = await whole.run(0, "train/step");
        let sum = 0;
        for (let part = 0; part < 4; part++)
          sum += await parts.run(2 * part, part === 3 ? "train/finish" : "train/accumulate");
        assert.ok(Math.abs(loss - sum / 4) < 1e-4 * loss, `step ${step}: ${loss} and ${sum / 4}`);
      }
      assertAlike(await whole.state(), await parts.state());
    } finally {
      whole.session.close();
      parts.session.close();
    }
  });

test("the same steps give the same bits", async () => {
  const states = [];
  for (let run = 0; run < 2; run++) {
    const { session, run: step, state } = await stepper(8, 1);
    for (let i = 0; i < 3; i++) await step(0, "train/step");
    states.push(await state());
    session.close();
  }
  for (const [name, values] of states[0]!) assert.deepEqual(states[1]!.get(name), values, name);
});

test("units that are computed again for the gradient train alike", async () => {
  const states = [];
  for (const remat of [false, true]) {
    const { session, run: step, state } = await stepper(8, 1, { remat, ...weighed });
    for (let i = 0; i < 3; i++) await step(0, "train/step");
    states.push(await state());
    session.close();
  }
  assertAlike(states[0]!, states[1]!);
});

test("the learning rate is the update's only scale: at 0 nothing but momentum changes", async () => {
  const { session, state } = await stepper(8, 1);
  const before = await state();
  const feeds: Record<string, HostTensor> = {
    images: { type: "float32", shape: [8, size, size, 3], data: imageValues(8, size, size) },
    labels: { type: "int32", shape: [8], data: labelValues(8, classes) },
    "train/learning_rate": scalar("float32", 0),
  };
  await session.run(feeds, ["train/step"]);
  const after = await state();
  for (const [name, values] of before) {
    if (!name.startsWith("momentum/")) assert.deepEqual(after.get(name), values, name);
    else
      assert.ok(
        values.every((x) => x === 0),
        name,
      );
  }
  const moved = [...after].filter(([name, v]) => name.startsWith("momentum/") && v.some((x) => x));
  assert.equal(moved.length, before.size / 2);
  session.close();
});

/** TensorFlow's convolutions beside our fused layers. */
const fusedAlone: Target = {
  ...onVectors,
  native: { ...onVectors.native, convolutions: false },
};

/** Narrow types, and how the engine computes in them. */
const narrow: readonly (readonly [how: string, Target])[] = [
  ["bfloat16", inType(plainTarget, "bfloat16")],
  ...(engine.target.native.layers
    ? [
        ["bfloat16, fused,", fusedAlone] as const,
        ["bfloat16, fused, own convolutions,", onVectors] as const,
        ["bfloat16, fused, on plain tiles,", onPlainTiles] as const,
      ]
    : []),
  ["float16", inType(plainTarget, "float16")],
];

for (const [index, c] of golden.train.slice(0, 3).entries()) {
  for (const [how, target] of narrow) {
    test(`${how} follows float64 on golden training case ${index}`, async () => {
      await followsGolden(c, target);
    });
  }
}

async function followsGolden(c: GoldenTrain, target: Target): Promise<void> {
  const { n, h, w, units, width, mixup } = c;
  const network = { architecture: { name: "golden", units, width }, classes: c.classes, target };
  const builder = new GraphBuilder();
  const variables = variableSpecs(network.architecture, c.classes).map((s) => {
    return declareVariable(builder, s);
  });
  const batch = {
    images: builder.placeholder("images", "float32", [n, h, w, 3]),
    labels: builder.placeholder("labels", "int32", [n]),
  };
  await addTrainStep(builder, network, variables, batch, { mixup: mixup !== null, split: 1 });
  const session = open(builder.build());
  try {
    const values = async function* () {
      for (const variable of variables) {
        const data = variableValues(variable);
        const zero = c.zero_head && variable.name.includes("/head/");
        yield [variable, zero ? new Float32Array(data.length) : data] as const;
      }
    };
    await assignVariables(session, values());
    await session.run({}, ["train/initialize"]);
    const feeds: Record<string, HostTensor> = {
      images: { type: "float32", shape: [n, h, w, 3], data: imageValues(n, h, w) },
      labels: { type: "int32", shape: [n], data: labelValues(n, c.classes) },
      "train/learning_rate": scalar("float32", c.lr),
    };
    if (mixup !== null) {
      const partners = Int32Array.from({ length: n }, (_, i) => n - 1 - i);
      feeds["train/mixup_lambda"] = scalar("float32", mixup.lambda);
      feeds["train/mixup_partners"] = { type: "int32", shape: [n], data: partners };
    }
    // Eight bits of mantissa: within 2 % of the loss that training starts from, at every step.
    for (const [step, wanted] of c.losses.entries()) {
      const loss = floats((await session.run(feeds, ["train/step"]))[0])[0]!;
      const bound = 0.02 * c.losses[0]!;
      assert.ok(Math.abs(loss - wanted) < bound, `step ${step}: ${loss} instead of ${wanted}`);
    }
  } finally {
    session.close();
  }
}

for (const split of [1, 2]) {
  test(`a float16 step of ${split} parts that overflows changes nothing but the loss's factor`, async () => {
    const { session, run, state } = await stepper(8 / split, split, {
      target: inType(engine.target, "float16"),
    });
    const set = async (name: string, value: number) => {
      const feeds = { [`loss_scale/${name}/new`]: scalar("float32", value) };
      await session.run(feeds, [`loss_scale/${name}/assigned`]);
    };
    const step = async () => {
      for (let part = 0; part < split - 1; part++) await run(part * 4, "train/accumulate");
      await run((split - 1) * 4, split === 1 ? "train/step" : "train/finish");
    };
    try {
      await set("value", 1024);
      await step();
      const before = await state();
      assert.deepEqual(before.get("loss_scale/value"), Float32Array.of(1024));
      assert.deepEqual(before.get("loss_scale/finite_steps"), Float32Array.of(1));

      await set("value", 2 ** 100);
      await step();
      const after = await state();
      assert.deepEqual(after.get("loss_scale/value"), Float32Array.of(2 ** 99));
      assert.deepEqual(after.get("loss_scale/finite_steps"), Float32Array.of(0));
      for (const [name, values] of before)
        if (!name.startsWith("loss_scale/")) assert.deepEqual(after.get(name), values, name);

      await set("value", 1024);
      await set("finite_steps", growthInterval - 1);
      await step();
      const grown = await state();
      assert.deepEqual(grown.get("loss_scale/value"), Float32Array.of(2048));
      assert.deepEqual(grown.get("loss_scale/finite_steps"), Float32Array.of(0));
      assert.notDeepEqual(
        grown.get("momentum/resnet/head/conv2d/bias"),
        before.get("momentum/resnet/head/conv2d/bias"),
      );
    } finally {
      session.close();
    }
  });
}
