/**
 * Smoothed labels and class weights against PyTorch's float64, through a whole network. Tolerances are
 * those of golden.test.ts: float32's rounding in deep sums.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type * as tf from "@tensorflow/tfjs";
import { floats, type HostTensor, scalar } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { inType, plainTarget, type Target } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { type GradientOptions, traceGradients } from "../../src/step/train-step.js";
import { type LossOptions, weightedLabels } from "../../src/step/training-loss.js";
import { assignVariables, declareVariable } from "../../src/step/variables.js";
import { imageValues, labelValues, variableValues } from "../deterministic.js";
import { engine, open, targetWith } from "../engine-for-tests.js";
import { losses } from "../loss-fixture.js";

const architecture = parseArchitecture("R14x1");
const [n, size, classes] = [8, 32, 10];
const specs = variableSpecs(architecture, classes);
const classWeights = Float64Array.from(losses.balanced[0]!.weights);
const policies = engine.target.native.layers ? [false, true] : [false];

/** The loss of the fixture's batch, and its gradients in the variables' order. */
async function computed(
  target: Target,
  {
    smoothing,
    weighted,
    mixup,
  }: Pick<(typeof losses.cases)[number], "smoothing" | "weighted" | "mixup">,
) {
  const builder = new GraphBuilder();
  const variables = specs.map((spec) => declareVariable(builder, spec));
  const batch = {
    images: builder.placeholder("images", "float32", [n, size, size, 3]),
    labels: builder.placeholder("labels", "int32", [n]),
  };
  const feeds: Record<string, HostTensor> = {
    images: { type: "float32", shape: [n, size, size, 3], data: imageValues(n, size, size) },
    labels: { type: "int32", shape: [n], data: labelValues(n, classes) },
  };
  const options: LossOptions = {
    labelSmoothing: smoothing,
    classWeights: weighted ? classWeights : undefined,
  };
  let mixed: GradientOptions = options;
  if (mixup !== null) {
    const lambda = builder.placeholder("lambda", "float32", []);
    const partners = builder.placeholder("partners", "int32", [n]);
    mixed = { ...options, mixup: { lambda, partners } };
    const reversed = Int32Array.from({ length: n }, (_, i) => n - 1 - i);
    feeds["lambda"] = scalar("float32", mixup);
    feeds["partners"] = { type: "int32", shape: [n], data: reversed };
  }
  const network = { architecture, classes, target };
  const { loss, gradients } = await traceGradients(builder, network, variables, batch, mixed);
  const fetches = [loss, ...gradients].map((x, i) => builder.fetchable(`out_${i}`, x).node);
  const session = open(builder.build());
  try {
    const values = variables.map((variable) => [variable, variableValues(variable)] as const);
    await assignVariables(session, values);
    const [first, ...rest] = (await session.run(feeds, fetches)).map(floats);
    return { loss: first![0]!, gradients: rest };
  } finally {
    session.close();
  }
}

for (const c of losses.cases) {
  const what = [
    ...(c.smoothing > 0 ? [`label smoothing ${c.smoothing}`] : []),
    ...(c.weighted ? ["class weights"] : []),
    ...(c.mixup === null ? [] : [`mixup ${c.mixup}`]),
  ].join(", ");

  for (const fused of policies)
    test(`${what}: loss and gradients are PyTorch's${fused ? ", fused" : ""}`, async () => {
      const { loss, gradients } = await computed(targetWith(fused), c);
      assert.ok(Math.abs(loss - c.loss) < 1e-5 * c.loss, `${loss} instead of ${c.loss}`);
      assert.deepEqual(Object.keys(c.norms).sort(), specs.map(({ name }) => name).sort());
      for (const [i, { name }] of specs.entries()) {
        const norm = Math.sqrt(gradients[i]!.reduce((sum, g) => sum + g * g, 0));
        const wanted = c.norms[name]!;
        assert.ok(Math.abs(norm - wanted) <= 2e-3 * wanted, `${name}: ${norm}, not ${wanted}`);
      }
      const bias = gradients[specs.findIndex(({ name }) => name === "resnet/head/conv2d/bias")]!;
      const largest = Math.max(...c.bias_gradient.map(Math.abs));
      for (const [label, wanted] of c.bias_gradient.entries())
        assert.ok(
          Math.abs(bias[label]! - wanted) < 1e-4 * largest,
          `${bias[label]}, not ${wanted}`,
        );
    });

  test(`${what}: bfloat16 is near`, async () => {
    const { loss } = await computed(inType(engine.target, "bfloat16"), c);
    // Eight bits of mantissa.
    assert.ok(Math.abs(loss - c.loss) < 0.02 * c.loss, `${loss} instead of ${c.loss}`);
  });
}

test("labels of as many classes as there are weights, however many", async () => {
  const count = 21_843;
  const builder = new GraphBuilder();
  const own = builder.placeholder("classes", "int32", [2]);
  const weights = Float64Array.from({ length: count }, (_, label) => 1 + label / count);
  await trace(builder, plainTarget, (graph) => {
    const labels = weightedLabels(graph, graph.tensor<tf.Rank.R1>(own), count, {
      labelSmoothing: 0.25,
      classWeights: weights,
    });
    builder.fetchable("labels", graph.float32(labels));
  });
  const session = open(builder.build());
  const data = Int32Array.of(21_842, 7);
  const [out] = await session.run({ classes: { type: "int32", shape: [2], data } }, ["labels"]);
  session.close();
  const labels = floats(out);
  for (const [row, label] of data.entries()) {
    const spread = (0.25 / count) * weights[label]!;
    for (const [at, more] of [
      [label, 0.75 * weights[label]!],
      [100, 0],
    ] as const) {
      const wanted = spread + more;
      const got = labels[row * count + at]!;
      assert.ok(Math.abs(got - wanted) < 1e-6 * wanted, `${got} instead of ${wanted}`);
    }
  }
});
