/** The head trained on features, against head.json: float64 results of PyTorch's SGD on the same numbers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { floats, scalar } from "../../src/engine/session.js";
import { inType } from "../../src/graph/target.js";
import type { FeatureSplit } from "../../src/input/split-tables.js";
import { isOfHead, parseArchitecture } from "../../src/model/architecture.js";
import { headGraph, trainPipeline, valPipeline } from "../../src/step/graphs.js";
import { openHeadProgram, startImages } from "../../src/step/program.js";
import { assignVariables, readVariables } from "../../src/step/variables.js";
import { imageValues, labelValues, variableValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

interface Head {
  readonly kernel: readonly number[];
  readonly bias: readonly number[];
}

const wanted = JSON.parse(readFileSync(fixturePath("head.json"), "utf8")) as {
  readonly rates: readonly number[];
  readonly losses: readonly number[];
  readonly gradient: Head;
  readonly trained: Head;
  readonly momentum: Head;
  readonly evaluation: readonly number[];
};

const architecture = parseArchitecture("R14x0.5");
const [examples, channels, classes, batch] = [12, 1024, 5, 8];

const features: FeatureSplit = {
  images: { kind: "features", values: imageValues(1, 64, 64).map(Math.abs), channels },
  labels: labelValues(examples, classes),
};
const data = { train: features, val: features };

/** Rounding of float32 sums over 1024 channels, and what six steps make of it. */
function assertNear(got: ArrayLike<number>, expected: readonly number[], what: string): void {
  assert.equal(got.length, expected.length, what);
  const largest = Math.max(...expected.map(Math.abs));
  for (const [i, value] of expected.entries())
    assert.ok(
      Math.abs(got[i]! - value) <= 1e-5 * largest,
      `${what}, ${i}: ${got[i]} instead of ${value}`,
    );
}

for (const [how, target, split] of [
  ["", engine.target, 1],
  [", in two parts", engine.target, 2],
  [", below a body of bfloat16", inType(engine.target, "bfloat16"), 1],
  [", below a body of float16", inType(engine.target, "float16"), 1],
] as const)
  test(`gradients, steps and losses are PyTorch's${how}`, async () => {
    const network = { architecture, classes, target };
    const options = { microBatch: batch / split, split, evalBatch: 4 };
    const program = await openHeadProgram(engine.open, network, data, options);
    const { session, variables, optimizerState } = program;
    const stateOf = async (prefix = "") => {
      const state = new Map<string, Float32Array>();
      const kept = prefix === "" ? variables : optimizerState;
      for await (const [{ name }, values] of readVariables(session, kept))
        state.set(name, values.slice());
      const kernel = state.get(`${prefix}resnet/head/conv2d/kernel`)!;
      const head = { kernel: kernel.filter((_, i) => i % 97 === 0) };
      return { state, head: { ...head, bias: state.get(`${prefix}resnet/head/conv2d/bias`)! } };
    };
    const assertHead = (
      { head }: Awaited<ReturnType<typeof stateOf>>,
      expected: Head,
      what = "",
    ) => {
      assertNear(head.kernel, expected.kernel, `${what} kernel`);
      assertNear(head.bias, expected.bias, `${what} bias`);
    };
    try {
      const values = variables.map((one) => [one, variableValues(one)] as const);
      await assignVariables(session, values);
      await session.run({}, ["train/initialize"]);
      const steps = wanted.rates.length;
      const order = Int32Array.from({ length: steps * batch }, (_, i) => i % examples);
      // What would be cropped and mirrored of images plays no part.
      const augmentations = Int32Array.from({ length: 3 * order.length }, (_, i) => i % 2);
      await startImages(program, trainPipeline, order, augmentations);
      for (const [step, rate] of wanted.rates.entries()) {
        let loss = 0;
        for (let part = 0; part < split; part++) {
          const last = part === split - 1;
          const fetch = split === 1 ? "step" : last ? "finish" : "accumulate";
          const feeds = { "train/learning_rate": scalar("float32", rate) };
          const [value] = await session.run(last ? feeds : {}, [`train/${fetch}`]);
          loss += floats(value)[0]! / split;
        }
        const expected = wanted.losses[step]!;
        assert.ok(Math.abs(loss - expected) <= 1e-5 * expected, `step ${step}: ${loss}`);
        // At a rate of 0 momentum is the gradient.
        if (step === 0) assertHead(await stateOf("momentum/"), wanted.gradient, "gradient of the");
      }
      assertHead(await stateOf("momentum/"), wanted.momentum, "momentum of the");
      const { state, head } = await stateOf();
      assertHead({ state, head }, wanted.trained);
      for (const one of variables.filter((variable) => !isOfHead(variable)))
        assert.deepEqual(state.get(one.name), variableValues(one), one.name);

      const all = Int32Array.from({ length: examples }, (_, i) => i);
      await startImages(program, valPipeline, all, new Int32Array(3 * examples));
      const losses: number[] = [];
      for (let i = 0; i < examples; i += 4)
        losses.push(...floats((await session.run({}, ["eval/loss"]))[0]));
      assertNear(losses, wanted.evaluation, "loss of the evaluation");
    } finally {
      session.close();
    }
  });

test("the graph has every variable, and computes nothing of the body", async () => {
  const network = { architecture, classes, target: engine.target };
  const options = { microBatch: batch, split: 1, evalBatch: 4 };
  const { graph, variables, optimizerState } = await headGraph(network, data, options);
  assert.deepEqual(
    optimizerState.map(({ name }) => name),
    ["momentum/resnet/head/conv2d/kernel", "momentum/resnet/head/conv2d/bias"],
  );
  assert.ok(variables.length > 25);
  const operators = new Set(graph.nodes.map(({ op }) => op));
  for (const op of operators) assert.doesNotMatch(op, /Conv2D|MaxPool|GroupNorm|Standardize/);
});

test("an example that there is not is refused", async () => {
  const network = { architecture, classes, target: engine.target };
  const options = { microBatch: 1, split: 1, evalBatch: 1 };
  const program = await openHeadProgram(engine.open, network, data, options);
  try {
    for (const wrong of [-1, examples]) {
      const started = startImages(program, trainPipeline, Int32Array.of(wrong), new Int32Array(3));
      await assert.rejects(started, /example -?\d+ of 12/);
    }
  } finally {
    program.session.close();
  }
});
