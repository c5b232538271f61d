import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  parseArchitecture,
  publishedVariants,
  variableSpecs,
} from "../../src/model/architecture.js";
import { outputsFirst, outputsLast } from "../../src/model/kernel-order.js";
import { timmLayout, transformersLayout } from "../../src/model/name-layouts.js";
import { fixturePath } from "../fixture-path.js";
import { type ToolName, toolNames } from "./name-fixture.js";

/** As transformers' own convert_bit_to_pytorch.py renames timm's. */
const transformersNames = (
  JSON.parse(
    readFileSync(fixturePath("safetensors", "transformers-names.json"), "utf8"),
  ) as readonly (readonly [string, readonly number[], string])[]
).map(([name, shape, official]): ToolName => ({ name, shape, official }));

for (const [layout, names] of [
  [timmLayout, toolNames.get("timm")!],
  [transformersLayout, transformersNames],
] as const) {
  test(`${layout.tool} names, both ways, as their own loader has them`, () => {
    for (const { name, official } of names) {
      const bare = official.replace(/^resnet\//, "");
      assert.equal(layout.own(bare).replaceAll("/", "."), name);
      assert.equal(layout.official(name.replaceAll(".", "/")), bare);
    }
  });

  test(`${layout.tool} names come back for every variable of the published models`, () => {
    for (const variant of publishedVariants) {
      const specs = variableSpecs(parseArchitecture(variant), 1000);
      const own = specs.map(({ name }) => layout.own(name.replace(/^resnet\//, "")));
      assert.equal(new Set(own).size, specs.length);
      assert.deepEqual(
        own.map((name) => `resnet/${layout.official(name)}`),
        specs.map(({ name }) => name),
      );
    }
  });
}

test("what is no variable has no name", () => {
  assert.throws(() => timmLayout.own("block1/unit01/d/group_norm/gamma"));
  assert.equal(
    timmLayout.official("stages/0/blocks/0/conv4/weight"),
    "stages/0/blocks/0/conv4/weight",
  );
});

test("the order of a kernel's axes turns there and back", () => {
  const shape = [2, 3, 4, 5];
  const data = Float32Array.from({ length: 120 }, (_, i) => i);
  const turned = outputsFirst(data, shape);
  // [o, i, h, w] = [1, 2, 1, 0] is [h, w, i, o] = [1, 0, 2, 1].
  assert.equal(turned[((1 * 4 + 2) * 2 + 1) * 3 + 0], data[((1 * 3 + 0) * 4 + 2) * 5 + 1]);
  assert.deepEqual(outputsLast(turned, shape), data);
});
