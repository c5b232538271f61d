import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { multiplyAdds } from "../../src/model/multiply-adds.js";

// Counted in timm 1.0.20's networks under PyTorch: elements of each convolution's output times those of one
// of its filters, the head among them.
const counted = [
  ["R50x1", 4_089_184_256],
  ["R50x3", 36_082_286_592],
  ["R101x1", 7_801_405_440],
  ["R152x2", 45_814_382_592],
] as const;

for (const [model, expected] of counted)
  test(`multiply-adds of ${model}`, () => {
    assert.equal(multiplyAdds(parseArchitecture(model), 224, 1000), expected);
  });
