/**
 * The same model and loss, computed at once by TF.js's own native backend and as one traced graph.
 *
 * Tolerance: 1e-5 of a tensor's largest value. Both sides run the same kernels of the same library
 * in float32, whose unit is 6e-8; only the order of some additions differs (TensorFlow's optimizer
 * fuses and reorders), through 20 layers forward and as many back. Wrong padding, a transposed
 * filter or a missing term differs by 1e-1 and more.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { eagerBackendName, useEagerBackend } from "../../src/engine/eager.js";
import { requireEngine } from "../../src/engine/installed.js";
import { floats } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { plainTarget } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { variableSpecs } from "../../src/model/architecture.js";
import { crossEntropy } from "../../src/model/layers.js";
import { forward, type Parameters } from "../../src/model/resnet.js";
import { addPredictStep } from "../../src/step/eval-step.js";
import { traceGradients } from "../../src/step/train-step.js";
import { assignVariables, declareVariable } from "../../src/step/variables.js";
import { imageValues, labelValues, variableValues } from "../deterministic.js";
import { open } from "../engine-for-tests.js";

const architecture = { name: "one unit a block", units: [1, 1, 1, 1], width: 1 } as const;
const network = { architecture, classes: 10, target: plainTarget } as const;
const specs = variableSpecs(architecture, network.classes);
const shape = [4, 32, 32, 3] as const;
const images = imageValues(4, 32, 32);
const labels = labelValues(4, network.classes);
const initial = specs.map((spec) => variableValues(spec));

/** Logits, loss and gradients by name. */
type Results = Readonly<Record<string, Float32Array>>;

async function traced(): Promise<Results> {
  const builder = new GraphBuilder();
  const variables = specs.map((spec) => declareVariable(builder, spec));
  const batch = {
    images: builder.placeholder("images", "float32", shape),
    labels: builder.placeholder("labels", "int32", [4]),
  };
  await addPredictStep(builder, network, variables, batch.images);
  const { loss, gradients } = await traceGradients(builder, network, variables, batch);
  const fetches = ["predict/logits", builder.fetchable("loss", loss).node];
  gradients.forEach((gradient, i) => {
    fetches.push(builder.fetchable(`gradient/${specs[i]!.name}`, gradient).node);
  });
  const session = open(builder.build());
  try {
    const values = async function* () {
      for (const [i, spec] of specs.entries()) yield [spec, initial[i]!] as const;
    };
    await assignVariables(session, values());
    const feeds = {
      images: { type: "float32", shape, data: images },
      labels: { type: "int32", shape: [4], data: labels },
    } as const;
    const results = await session.run(feeds, fetches);
    return Object.fromEntries(fetches.map((name, i) => [name, floats(results[i])]));
  } finally {
    session.close();
  }
}

function eager(): Results {
  const results: Record<string, Float32Array> = {};
  tf.tidy(() => {
    const x = tf.tensor4d(images, [...shape]);
    const target = tf.oneHot(tf.tensor1d(labels, "int32"), network.classes) as tf.Tensor2D;
    const values = specs.map(({ shape }, i) => tf.tensor(initial[i]!, [...shape]));
    const named = (tensors: readonly tf.Tensor[]): Parameters => {
      return Object.fromEntries(specs.map(({ name }, i) => [name, tensors[i]!]));
    };
    const logits = forward(architecture, named(values), x);
    const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
      return crossEntropy(forward(architecture, named(tensors), x), target).mean();
    })(values);
    // Not returned from here: tidy would look for tensors among all the numbers.
    results["predict/logits"] = logits.dataSync<"float32">();
    results["loss"] = value.dataSync<"float32">();
    for (const [i, { name }] of specs.entries())
      results[`gradient/${name}`] = grads[i]!.dataSync<"float32">();
  });
  return results;
}

test("traced and eager give the same logits, loss and gradients", async () => {
  const fromGraph = await traced();
  await useEagerBackend(requireEngine().bindingPath);
  assert.equal(tf.getBackend(), eagerBackendName);
  const atOnce = eager();
  assert.equal(Object.keys(fromGraph).length, specs.length + 2);
  for (const [name, wanted] of Object.entries(fromGraph)) {
    const got = atOnce[name]!;
    assert.equal(got.length, wanted.length, name);
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    assert.ok(largest > 1e-4, `${name} is zero, which shows nothing`);
    const difference = wanted.reduce((most, value, i) => {
      return Math.max(most, Math.abs(value - got[i]!));
    }, 0);
    assert.ok(difference <= 1e-5 * largest, `${name}: ${difference} of ${largest}`);
  }
});

test("tracing works beside the eager backend, which is current again afterwards", async () => {
  await useEagerBackend(requireEngine().bindingPath);
  const builder = new GraphBuilder();
  await trace(builder, plainTarget, () => tf.ones([2]));
  assert.ok(builder.size > 0);
  assert.equal(tf.getBackend(), eagerBackendName);
  assert.deepEqual([...tf.ones([2]).dataSync()], [1, 1]);
});
