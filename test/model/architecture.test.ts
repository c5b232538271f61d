import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeOf } from "../../src/archive/shape.js";
import { UserError } from "../../src/errors.js";
import {
  parseArchitecture,
  publishedVariants,
  unitSpecs,
  variableSpecs,
} from "../../src/model/architecture.js";

test("names of models tell their units and width", () => {
  assert.deepEqual(parseArchitecture("BiT-M-R50x1"), {
    name: "R50x1",
    units: [3, 4, 6, 3],
    width: 1,
  });
  assert.deepEqual(parseArchitecture("BiT-S-R152x4").units, [3, 8, 36, 3]);
  assert.deepEqual(parseArchitecture("BiT-M-R101x3-ILSVRC2012").units, [3, 4, 23, 3]);
  assert.equal(parseArchitecture("R14x0.5").width, 0.5);
  assert.deepEqual(parseArchitecture("sample-R26x1").units, [2, 2, 2, 2]);
});

for (const name of ["resnet50", "R51x1", "R50x0.3", "R50x0", "BiT-M-R2x1", ""]) {
  test(`${JSON.stringify(name)} is no model`, () => {
    assert.throws(() => parseArchitecture(name), UserError);
  });
}

test("parameters are as many as published, without the head", () => {
  // torchvision-style counts of the official ResNet-v2 models, in millions, from arXiv 1912.11370's
  // repositories: R50x1 23.5, R101x1 42.5, R50x3 211, R101x3 382, R152x2 232, R152x4 928.
  const millions: Record<string, number> = {
    R50x1: 23.5,
    R101x1: 42.5,
    R50x3: 211.2,
    R101x3: 381.8,
    R152x2: 232.2,
    R152x4: 928.3,
  };
  for (const variant of publishedVariants) {
    const specs = variableSpecs(parseArchitecture(variant), 1);
    const body = specs.filter(({ name }) => !name.includes("/head/"));
    const count = body.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    assert.ok(Math.abs(count / 1e6 - millions[variant]!) < 0.06, `${variant}: ${count}`);
  }
});

test("R152x4 with 21,843 classes has the published archive's size", () => {
  // BiT-M-R152x4.npz has 4,429,336,900 bytes: the values, and some 200 bytes a variable.
  const specs = variableSpecs(parseArchitecture("BiT-M-R152x4"), 21_843);
  const bytes = specs.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  const overhead = 4_429_336_900 - bytes;
  assert.ok(overhead > 150 * specs.length && overhead < 500 * specs.length, String(overhead));
});

test("the stride is on the first unit of blocks 2 to 4, a projection on each block's first", () => {
  const specs = unitSpecs(parseArchitecture("R50x1"));
  assert.deepEqual(
    specs.filter(({ stride }) => stride === 2).map(({ path }) => path),
    ["resnet/block2/unit01", "resnet/block3/unit01", "resnet/block4/unit01"],
  );
  assert.equal(specs.filter(({ projected }) => projected).length, 4);
  assert.deepEqual(specs[3], {
    path: "resnet/block2/unit01",
    channelsIn: 256,
    channelsMid: 128,
    channelsOut: 512,
    stride: 2,
    projected: true,
  });
});
