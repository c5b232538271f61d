import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { multiplyAdds } from "../../src/model/multiply-adds.js";

// What timm's model cards and tables give (GMACs), each with the head of its checkpoint: the same networks
// in PyTorch, counted by fvcore. 4 %: it also counts the normalization of maps and of kernels, as we do not.
const published = [
  ["R50x1", 224, 1000, 4.23],
  ["R50x1", 448, 21_843, 16.62],
  ["R101x1", 448, 21_843, 31.65],
  ["R50x3", 448, 21_843, 145.7],
  ["R152x2", 224, 1000, 46.95],
  ["R152x4", 480, 21_843, 844.84],
] as const;

for (const [model, size, classes, giga] of published)
  test(`multiply-adds of ${model} at ${size}`, () => {
    const ours = multiplyAdds(parseArchitecture(model), size, classes) / 1e9;
    assert.ok(Math.abs(ours / giga - 1) < 0.04, `${ours} against ${giga}`);
  });
