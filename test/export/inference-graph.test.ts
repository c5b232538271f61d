/** The description of the network, and its weights standardized once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { inferenceGraph } from "../../src/export/inference-graph.js";
import { inputsOf, weightsOf } from "../../src/export/inference-node.js";
import { standardized } from "../../src/export/standardize.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { standardize } from "../../src/model/layers.js";

test("every variable is a weight, and every value is made before it is used", () => {
  for (const name of ["R14x0.5", "R50x1", "R152x4"]) {
    const architecture = parseArchitecture(name);
    const { nodes, weights, features, logits } = inferenceGraph(architecture, 7);
    const specs = variableSpecs(architecture, 7);
    assert.deepEqual(weights.map((weight) => weight.name).sort(), specs.map((s) => s.name).sort());
    const made = new Set(["image"]);
    for (const node of nodes) {
      for (const input of inputsOf(node)) assert.ok(made.has(input), `${node.name}: ${input}`);
      assert.ok(!made.has(node.name), node.name);
      made.add(node.name);
    }
    assert.ok(made.has(features) && made.has(logits));
    assert.equal(nodes.at(-1)?.name, logits);
  }
});

test("the smallest network, operation by operation", () => {
  const { nodes } = inferenceGraph(parseArchitecture("R14x0.5"), 7);
  const said = nodes.slice(0, 10).map((node) => {
    const more = node.op === "convolution" ? ` stride ${node.stride} pad ${node.pad}` : "";
    return `${node.name} = ${node.op}(${[...inputsOf(node), ...weightsOf(node)].join(", ")})${more}`;
  });
  const unit = "resnet/block1/unit01";
  assert.deepEqual(said, [
    "resnet/root_block/conv = convolution(image, resnet/root_block/standardized_conv2d/kernel) stride 2 pad 3",
    "resnet/pad_1 = zeroPad(resnet/root_block/conv)",
    "resnet/max_pool_1 = maxPool(resnet/pad_1)",
    `${unit}/a/norm_relu = groupNormRelu(resnet/max_pool_1, ${unit}/a/group_norm/gamma, ${unit}/a/group_norm/beta)`,
    `${unit}/a/proj/conv = convolution(${unit}/a/norm_relu, ${unit}/a/proj/standardized_conv2d/kernel) stride 1 pad 0`,
    `${unit}/a/conv = convolution(${unit}/a/norm_relu, ${unit}/a/standardized_conv2d/kernel) stride 1 pad 0`,
    `${unit}/b/norm_relu = groupNormRelu(${unit}/a/conv, ${unit}/b/group_norm/gamma, ${unit}/b/group_norm/beta)`,
    `${unit}/b/conv = convolution(${unit}/b/norm_relu, ${unit}/b/standardized_conv2d/kernel) stride 1 pad 1`,
    `${unit}/c/norm_relu = groupNormRelu(${unit}/b/conv, ${unit}/c/group_norm/gamma, ${unit}/c/group_norm/beta)`,
    `${unit}/c/conv = convolution(${unit}/c/norm_relu, ${unit}/c/standardized_conv2d/kernel) stride 1 pad 0`,
  ]);
});

test("kernels standardized in float64 are those that the network computes", () => {
  const shape: [number, number, number, number] = [3, 3, 5, 8];
  const kernel = Float32Array.from({ length: 3 * 3 * 5 * 8 }, (_, i) => Math.sin(7 * i) + 0.3);
  const expected = standardize(tf.tensor4d(kernel, shape)).dataSync();
  const got = standardized(kernel, 8);
  // float32's rounding of sums of 45 values.
  for (const [i, value] of got.entries()) assert.ok(Math.abs(value - expected[i]!) < 2e-6);
});
