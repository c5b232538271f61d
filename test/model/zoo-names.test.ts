/** Every published name tells its architecture. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArchitecture } from "../../src/model/architecture.js";
import { ZOO } from "../../src/zoo/models.js";

test("the architecture stands in each published name", () => {
  for (const { name } of ZOO) {
    const [variant] = /R\d+x\d/.exec(name)!;
    assert.equal(parseArchitecture(name).name, variant, name);
  }
});

test("numbers of tasks and runs are not taken for it", () => {
  const of = (name: string) => parseArchitecture(name).name;
  assert.equal(of("vtab/BiT-M-R50x3-run2-resisc45"), "R50x3");
  assert.equal(of("vtab/BiT-M-R152x4-run0-oxford_flowers102"), "R152x4");
  assert.equal(of("distill/R152x2_T_384"), "R152x2");
  assert.equal(of("distill/R50x1_160"), "R50x1");
});

test("a model's name with a slip is answered with the nearest names", () => {
  const expected = /^ {2}expected: perhaps BiT-M-R50x1 or BiT-M-R50x3; a name such as /m;
  assert.throws(() => parseArchitecture("BiT-M-R50x"), expected);
  assert.throws(() => parseArchitecture("VGG16"), /^ {2}expected: a name such as /m);
});
