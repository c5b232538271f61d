/** What published models' outputs mean, by names that other sources give to the same numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { classKey } from "../../../src/data/parts/class-alignment.js";
import { modelClassNames } from "../../../src/data/published/model-class-names.js";
import { ZOO } from "../../../src/zoo/models.js";

test("ImageNet's classes go by WordNet id, in the order of the ids", async () => {
  const names = (await modelClassNames("BiT-M-R50x1-ILSVRC2012", 1000))!;
  assert.equal(names[0], "n01440764 tench");
  assert.equal(names[281], "n02123045 tabby");
  assert.equal(names[999], "n15075141 toilet tissue");
  const keys = names.map(classKey);
  assert.deepEqual(keys, [...keys].sort());
  assert.equal(new Set(keys).size, 1000);
  assert.deepEqual(await modelClassNames("BiT-S-R101x3", 1000), names);
  assert.deepEqual(await modelClassNames("distill/R50x1_224", 1000), names);
});

test("BiT-M itself knows ImageNet-21k's", async () => {
  const names = (await modelClassNames("BiT-M-R50x1", 21_843))!;
  assert.equal(names[0], "n00004475 organism");
  assert.equal(new Set(names.map(classKey)).size, 21_843);
});

test("a task's names are those of its labels, with and without the zoo's folder", async () => {
  const names = await modelClassNames("vtab/BiT-M-R50x1-run0-eurosat", 10);
  assert.equal(names?.[9], "SeaLake");
  assert.deepEqual(await modelClassNames("BiT-M-R50x1-run0-eurosat", 10), names);
  assert.equal((await modelClassNames("BiT-M-R50x1-CIFAR10", 10))?.[3], "cat");
});

test("what is not certain has no names", async () => {
  assert.equal(await modelClassNames("vtab/BiT-M-R50x1-run0-clevr-count", 8), undefined);
  assert.equal(await modelClassNames("my-R50x1", 1000), undefined);
  assert.equal(await modelClassNames("BiT-M-R50x1-CIFAR10", 11), undefined, "another head");
  assert.equal(await modelClassNames("BiT-M-R50x1", 1000), undefined, "another head");
});

test("every list is as long as its models' heads", async () => {
  for (const { name, classes } of ZOO.filter((model) =>
    /dtd|svhn|pet|flower|euro|resisc|cifar/i.test(model.name),
  ))
    assert.equal((await modelClassNames(name, classes))?.length, classes, name);
});
