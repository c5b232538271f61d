/** The table of published models, the patterns that choose from it, and the sizes that follow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeOf } from "../../src/archive/shape.js";
import { UserError } from "../../src/errors.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { archiveBytes, parameterCount } from "../../src/zoo/archive-size.js";
import { addressOf } from "../../src/zoo/download-model.js";
import {
  findZooModel,
  findZooModels,
  modelBytes,
  modelParameters,
  modelPath,
  VTAB,
  ZOO,
  zooModel,
  zooUrl,
} from "../../src/zoo/models.js";
import { officialArchive } from "./zoo-archive.js";

test("every published name, once", () => {
  const names = ZOO.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  const kinds: [RegExp, number][] = [
    [/^BiT-[SM]-R(50x1|50x3|101x1|101x3|152x2|152x4)$/, 12],
    [/^BiT-M-R(50x1|50x3|101x1|101x3|152x2|152x4)-ILSVRC2012$/, 6],
    [/^BiT-M-R50x1-CIFAR10$/, 1],
    [/^distill\/(R50x1_(224|160)|R152x2_T_(224|384))$/, 4],
    [
      /^vtab\/BiT-M-(R50x1|R101x1|R50x3|R101x3|R152x4)-run[012]-(caltech101|diabetic_retinopathy|dtd|oxford_flowers102|oxford_iiit_pet|resisc45|sun397|cifar100|eurosat|patch_camelyon|smallnorb-elevation|svhn|dsprites-orientation|smallnorb-azimuth|clevr-distance|clevr-count|dmlab|kitti-distance|dsprites-xpos)$/,
      285,
    ],
  ];
  for (const [pattern, count] of kinds)
    assert.equal(names.filter((name) => pattern.test(name)).length, count, String(pattern));
  assert.equal(
    names.length,
    kinds.reduce((sum, [, count]) => sum + count, 0),
  );
  assert.equal(VTAB.length, 285);
});

test("heads and addresses", () => {
  assert.equal(findZooModel("BiT-M-R152x4").classes, 21_843);
  assert.equal(findZooModel("BiT-S-R152x4").classes, 1000);
  assert.equal(findZooModel("BiT-M-R50x1-CIFAR10").classes, 10);
  assert.equal(findZooModel("vtab/BiT-M-R50x3-run2-smallnorb-azimuth").classes, 18);
  assert.equal(zooModel("vtab/BiT-M-R50x3-run3-dtd"), undefined);
  const address = addressOf(findZooModel("BiT-M-R50x1-ILSVRC2012.npz"), zooUrl({}));
  assert.equal(address, "https://storage.googleapis.com/bit_models/BiT-M-R50x1-ILSVRC2012.npz");
  assert.equal(zooUrl({ BIT_BASE_URL: "http://mirror" }), "http://mirror");
  assert.equal(modelPath("models", "distill/R50x1_224"), "models/distill/R50x1_224.npz");
});

test("another head is taken only where the number of classes is not certain", () => {
  const uncertain = ZOO.filter(({ exact }) => !exact).map(({ name }) => name);
  const tasks = new Set(uncertain.map((name) => /^vtab\/.*-run\d-(.+)$/.exec(name)![1]));
  assert.deepEqual([...tasks].sort(), [
    ...["caltech101", "clevr-count", "clevr-distance", "dmlab", "dsprites-orientation"],
    ...["dsprites-xpos", "kitti-distance", "smallnorb-azimuth", "smallnorb-elevation"],
  ]);
});

test("an address that is none is the user's mistake", () => {
  const model = findZooModel("BiT-M-R50x1");
  for (const url of ["", "models", "file:///models"])
    assert.throws(() => addressOf(model, url), UserError);
  assert.equal(addressOf(model, "http://mirror/bit/"), "http://mirror/bit/BiT-M-R50x1.npz");
});

test("names that are near to a wrong one", () => {
  assert.throws(() => findZooModel("bit-m-r50x1"), /perhaps BiT-M-R50x1/);
  assert.throws(() => findZooModel("BiT-L-R101x3"), /perhaps .*BiT-[MS]-R101x3/);
  assert.throws(() => findZooModel("BiT-M-R50x1-run0-dtd"), /perhaps vtab\/BiT-M-R50x1-run0-dtd/);
  assert.throws(() => findZooModel("alexnet"), /a name such as BiT-S-R50x1/);
});

test("patterns as a shell has them", () => {
  const count = (pattern: string) => findZooModels([pattern]).length;
  assert.equal(count("vtab/BiT-M-R50x1-*"), 57);
  assert.equal(count("vtab/*-run0-dtd"), 5);
  assert.equal(count("vtab/BiT-M-{R50x1,R101x?}-run{0,1}-svhn.npz"), 6);
  assert.equal(count("BiT-?-R50x1"), 2);
  // A star does not go beyond a slash.
  assert.equal(count("*"), 19);
  assert.equal(count("*/*"), 289);
  assert.throws(() => findZooModels(["BiT-M-R5.x1*"]), /no published model's name is like this/);
  assert.throws(() => findZooModels(["vtab/{"]), UserError);
  const both = findZooModels(["BiT-M-R50x1", "BiT-M-R50x*"]).map(({ name }) => name);
  assert.deepEqual(both.slice(0, 2), ["BiT-M-R50x1", "BiT-M-R50x3"]);
  assert.equal(new Set(both).size, both.length);
});

test("parameters and sizes that are known of official archives, to the byte", () => {
  const known: [string, number, number][] = [
    ["BiT-M-R50x1", 68_256_659, 273_071_896],
    ["BiT-M-R50x1-ILSVRC2012", 25_549_352, 102_242_668],
    ["BiT-M-R152x4", 1_107_299_923, 4_429_336_900],
  ];
  for (const [name, parameters, bytes] of known) {
    assert.equal(modelParameters(findZooModel(name)), parameters, name);
    assert.equal(modelBytes(findZooModel(name)), bytes, name);
  }
});

test("sizes are the parameters, and some 300 bytes for each variable", () => {
  for (const model of ZOO) {
    const variables = variableSpecs(parseArchitecture(model.name), model.classes).length;
    const perVariable = (modelBytes(model) - 4 * modelParameters(model)) / variables;
    assert.ok(perVariable > 280 && perVariable < 310, `${model.name}: ${perVariable}`);
  }
});

test("a size is that of an archive that is written so", async () => {
  const architecture = parseArchitecture("R14x0.5");
  const { length } = await officialArchive("R14x0.5", 7);
  assert.equal(archiveBytes(architecture, 7), length);
  const shapes = variableSpecs(architecture, 7).map(({ shape }) => shape);
  assert.equal(
    parameterCount(architecture, 7),
    shapes.reduce((sum, shape) => sum + sizeOf(shape), 0),
  );
});
