/**
 * Training, evaluation and state over XLA against TensorFlow's engine. Tolerances: losses of the first
 * step differ by the order of float32's sums; a step's update makes later ones differ by more, since a
 * network of random weights is steep.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { scalar } from "../../../src/engine/session.js";
import { engine } from "../../engine-for-tests.js";
import { xla } from "./engines.js";
import { apart, Training, weighed } from "./training.js";

const rate = 1e-4;

function assertNear(values: readonly number[], expected: readonly number[], most: number): void {
  const difference = Math.max(...apart(values, expected));
  assert.ok(difference <= most, `${difference}: ${values} instead of ${expected}`);
}

/** Losses of five steps on an engine. */
async function lossesOf(...args: Parameters<typeof Training.open>): Promise<number[]> {
  const training = await Training.open(...args);
  try {
    return await training.losses(5, rate);
  } finally {
    training.close();
  }
}

const wanted = await (async () => {
  const training = await Training.open(engine);
  const evaluation = await training.evaluation();
  const losses = await training.losses(5, rate);
  const state = await training.state();
  training.close();
  return { evaluation, losses, state };
})();

// One network for the tests below, which follow each other.
const one = await Training.open(xla());

test("an evaluation is TensorFlow's", async () => {
  const { losses, top } = await one.evaluation();
  assertNear(losses, wanted.evaluation.losses, 1e-4);
  assert.deepEqual(top, wanted.evaluation.top);
});

test("five steps have TensorFlow's losses and leave its state", async () => {
  const losses = await one.losses(5, rate);
  assertNear(losses.slice(0, 1), wanted.losses.slice(0, 1), 1e-5);
  assertNear(losses, wanted.losses, 1e-3);
  const state = await one.state();
  assert.deepEqual([...state.keys()], [...wanted.state.keys()]);
  for (const [name, values] of wanted.state) {
    const got = state.get(name)!;
    assert.equal(got.length, values.length, name);
    const length = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
    const off = Math.sqrt(values.reduce((sum, x, i) => sum + (x - got[i]!) ** 2, 0));
    // Momentum of the fifth step is a gradient: of what is steep.
    const most = name.startsWith("momentum/") ? 0.05 : 1e-3;
    assert.ok(off <= most * length, `${name}: ${off} of ${length}`);
  }
});

test("a state that is set is read to the bit, in every shape, and again", async () => {
  const state = await one.state();
  let seed = 1;
  const made = new Map(
    [...state].map(([name, values]) => {
      return [
        name,
        values.map(() => {
          seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
          return seed / 2 ** 31 - 1;
        }),
      ] as const;
    }),
  );
  await one.setState(made);
  assert.deepEqual(await one.state(), made);
  // One of several that lie together.
  const { session, variables } = one.program;
  const { name, shape } = variables.find((variable) => variable.name.endsWith("/gamma"))!;
  const data = new Float32Array(shape[0]!).fill(7);
  await session.run({ [`${name}/new`]: { type: "float32", shape, data } }, [`${name}/assigned`]);
  assert.deepEqual(await one.state(), new Map([...made, [name, data]]));
});

test("a state goes from one engine to the other and back", async () => {
  // Where five steps end on TensorFlow, the sixth is the same on both.
  const tensorflow = await Training.open(engine);
  await tensorflow.setState(wanted.state);
  await one.setState(wanted.state);
  await one.begin();
  const [here, there] = [await one.losses(2, rate), await tensorflow.losses(2, rate)];
  assertNear(here, there, 1e-4);
  const state = await one.state();
  await tensorflow.setState(state);
  assert.deepEqual(await tensorflow.state(), state);
  assertNear(await one.losses(1, rate), await tensorflow.losses(1, rate), 1e-5);
  tensorflow.close();
});

test("momentum begins at zero", async () => {
  await one.program.session.run({}, ["train/initialize"]);
  for (const [name, values] of await one.state())
    if (name.startsWith("momentum/"))
      assert.ok(
        values.every((value) => value === 0),
        name,
      );
  one.close();
});

for (const devices of [2, 8])
  test(`${devices} devices: the losses of one with the whole batch`, async () => {
    const training = await Training.open(xla(devices));
    const { losses, top } = await training.evaluation();
    assertNear(losses, wanted.evaluation.losses, 1e-4);
    assert.deepEqual(top, wanted.evaluation.top);
    const trained = await training.losses(5, rate);
    assertNear(trained.slice(0, 2), wanted.losses.slice(0, 2), 1e-5);
    assertNear(trained, wanted.losses, 1e-3);
    // What was computed on each, and what is set on all.
    const state = await training.state();
    await training.setState(state);
    assert.deepEqual(await training.state(), state);
    training.close();
  });

test("two devices weigh examples as one does", async () => {
  const losses = await lossesOf(xla(2), weighed);
  const expected = await lossesOf(engine, weighed);
  assertNear(losses.slice(0, 2), expected.slice(0, 2), 1e-5);
  assertNear(losses, expected, 1e-3);
});

for (const [what, trial, most] of [
  ["mixup", { mixup: true }, 1e-3],
  ["smoothed labels and class weights", weighed, 1e-3],
  ["the same with mixup, in two parts", { ...weighed, mixup: true, split: 2 }, 1e-3],
  ["a batch in two parts", { split: 2 }, 1e-3],
  ["activations that are computed a second time", { remat: true }, 1e-3],
] as const)
  test(`${what}: TensorFlow's losses`, async () => {
    const losses = await lossesOf(xla(), trial);
    const expected = await lossesOf(engine, trial);
    assertNear(losses.slice(0, 1), expected.slice(0, 1), 1e-5);
    assertNear(losses, expected, most);
  });

test("bfloat16 is near float32", async () => {
  const losses = await lossesOf(xla(), { computeType: "bfloat16" });
  assertNear(losses.slice(0, 1), wanted.losses, 0.02);
  assertNear(losses, wanted.losses, 0.1);
});

test("float16: a step of infinite gradients changes nothing but the loss's factor", async () => {
  const training = await Training.open(xla(), { computeType: "float16" });
  const factor = "loss_scale/value";
  const { session } = training.program;
  const losses = await training.losses(2, rate);
  assertNear(losses, wanted.losses.slice(0, 2), 0.02);
  const before = await training.state();
  assert.deepEqual(before.get(factor), Float32Array.of(65536));
  assert.deepEqual(before.get("loss_scale/finite_steps"), Float32Array.of(2));
  await session.run({ [`${factor}/new`]: scalar("float32", 2 ** 100) }, [`${factor}/assigned`]);
  const [loss] = await training.losses(1, rate);
  assertNear([loss!], wanted.losses.slice(2, 3), 0.02);
  const after = await training.state();
  assert.deepEqual(after.get(factor), Float32Array.of(2 ** 99));
  assert.deepEqual(after.get("loss_scale/finite_steps"), Float32Array.of(0));
  for (const [name, values] of before)
    if (!name.startsWith("loss_scale/")) assert.deepEqual(after.get(name), values, name);
  training.close();
});
