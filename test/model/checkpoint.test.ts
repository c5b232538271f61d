import assert from "node:assert/strict";
import { test } from "node:test";
import type { ArrayElementType } from "../../src/archive/numeric-array.js";
import { UserError } from "../../src/errors.js";
import { headBias, parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { type ArchiveArray, fitArchive, headClasses } from "../../src/model/checkpoint.js";
import { toolNames } from "./name-fixture.js";

const specs = variableSpecs(parseArchitecture("R14x0.5"), 10);
const about = { where: "some.npz", model: "R14x0.5", newHead: false };

function array(
  name: string,
  shape: readonly number[],
  type: ArrayElementType = "f4",
): ArchiveArray {
  return { name, shape, elementType: type, dtype: `<${type}` };
}

/** The official arrays under other names. */
function renamed(rename: (name: string) => string): ArchiveArray[] {
  return specs.map(({ name, shape }) => array(rename(name), shape));
}

const official = renamed((name) => name);

function refusal(arrays: readonly ArchiveArray[], options = about): UserError {
  try {
    fitArchive(specs, arrays, options);
  } catch (error) {
    assert.ok(error instanceof UserError);
    return error;
  }
  assert.fail("it fits");
}

test("an archive with the official names fits, whatever else a run put into it", () => {
  const arrays = [
    ...official,
    ...renamed((name) => `momentum/${name}`),
    array("training/step", [], "i4"),
  ];
  const { names, note } = fitArchive(specs, arrays, about);
  assert.deepEqual(
    [...names],
    specs.map(({ name }) => [name, name]),
  );
  assert.equal(note, undefined);
});

test("numbered layers and scales of four axes are known", () => {
  const arrays = specs.map(({ name, shape }, i): ArchiveArray => {
    const numbered = name.replace("standardized_conv2d", `standardized_conv2d_${i}`);
    return array(numbered, shape.length === 1 ? [1, 1, 1, ...shape] : shape);
  });
  const { names } = fitArchive(specs, arrays, about);
  assert.equal(names.size, specs.length);
  specs.forEach(({ name }, i) => {
    assert.equal(names.get(name), arrays[i]!.name);
  });
});

test("a new head passes over the archive's", () => {
  const arrays = variableSpecs(parseArchitecture("R14x0.5"), 21_843).map(({ name, shape }) =>
    array(name, shape),
  );
  assert.equal(headClasses(arrays), 21_843);
  const { names } = fitArchive(specs, arrays, { ...about, newHead: true });
  assert.equal(names.size, specs.length - 2);
  assert.match(refusal(arrays).got, /2 of another shape/);
});

test("one error lists what is missing, unexpected and of another shape", () => {
  const [first, ...others] = specs.slice(2).map(({ name, shape }) => array(name, shape));
  const arrays = [
    { ...first!, shape: [1, 1, 5, 7] },
    ...others,
    array("resnet/extra/kernel", [3]),
    array("resnet/root_block/standardized_conv2d/kernel", specs[0]!.shape),
  ];
  const { message } = refusal(arrays);
  assert.match(message, /^some\.npz: does not fit R14x0\.5/);
  assert.match(message, new RegExp(`1 missing \\(${specs[1]!.name}\\)`));
  assert.match(message, /1 unexpected \(resnet\/extra\/kernel\)/);
  assert.match(message, /1 of another shape \(.*: \[1, 1, 5, 7\] instead of \[/);
});

test("two arrays of one name up to a layer's number are refused, not resolved by the last", () => {
  const { got } = refusal([...official, array("resnet/head/conv2d_1/bias", [10])]);
  assert.match(
    got,
    /1 of one name up to a layer's number \(resnet\/head\/conv2d\/bias and resnet\/head\/conv2d_1\/bias\)/,
  );
  const root = "resnet/root_block/standardized_conv2d";
  assert.match(refusal([...official, array(`${root}_3/kernel`, [7, 7, 3, 32])]).got, /of one name/);
});

test("arrays of integers and booleans are no weights, and are named", () => {
  for (const type of ["u2", "i1", "u1", "b1", "i4", "i8"] as const) {
    const arrays = official.map((one, i) => (i === 4 ? array(one.name, one.shape, type) : one));
    const { got, expected, nextStep } = refusal(arrays);
    assert.equal(got, `1 of its arrays are no weights: ${specs[4]!.name} is <${type}`);
    assert.match(expected, /float32, float16, bfloat16 or float64/);
    assert.equal(/ml_dtypes\.bfloat16/.test(nextStep), type === "u2");
  }
  for (const type of ["f2", "f8", "V2"] as const)
    fitArchive(
      specs,
      official.map(({ name, shape }) => array(name, shape, type)),
      about,
    );
  // The head of another task is not read where it starts anew.
  const pretrained = [...official.slice(0, -1), array(headBias, [21_843], "i4")];
  fitArchive(specs, pretrained, { ...about, newHead: true });
});

test("what is in front of all names, and behind, is left off, and said in one line", () => {
  const cases: readonly (readonly [(name: string) => string, RegExp])[] = [
    [(name) => `opt/target/${name}`, /"opt\/target\/resnet\/" in front is left off its names$/],
    [(name) => `params/${name}`, /"params\/resnet\/" in front is left off its names$/],
    [(name) => `module.${name}`, /"module.resnet\/" in front is left off/],
    [(name) => `${name}:0`, /":0" behind is left off/],
    [(name) => `model/${name}:0`, /"model\/resnet\/" in front and ":0" behind is left off/],
    [(name) => name.replace("resnet/", ""), /its names lack "resnet\/"$/],
    [(name) => name.replace("resnet/", "params/"), /"params\/" in front/],
    [(name) => name.replaceAll("/", "."), /"resnet\." in front/],
    [(name) => name.replaceAll("/", "\\"), /"resnet\\" in front/],
  ];
  for (const [rename, said] of cases) {
    const arrays = renamed(rename);
    assert.equal(headClasses(arrays), 10, arrays[0]!.name);
    const { names, note } = fitArchive(specs, arrays, about);
    assert.deepEqual(
      [...names],
      specs.map(({ name }) => [name, rename(name)]),
    );
    assert.match(note ?? "", said);
    assert.match(note!, /^some\.npz: /);
  }
});

test("an optimizer's state and counters beside a tree are passed over, and named", () => {
  const state = [
    ...renamed((name) => `opt/state/param_states/${name}/momentum`),
    array("opt/state/step", [], "i4"),
    array("extra/rng", [2], "u4"),
  ];
  const arrays = [...renamed((name) => `opt/target/${name}`), ...state];
  const { names, note } = fitArchive(specs, arrays, about);
  assert.equal(names.get(headBias), `opt/target/${headBias}`);
  assert.match(
    note!,
    new RegExp(`${state.length} arrays beside the model are passed over \\(opt/`),
  );
  // An optimizer's state alone is no model.
  assert.match(refusal(state).got, /missing/);
});

test("a prefix that only some names have is no prefix", () => {
  const arrays = official.map((one, i) => (i === 7 ? one : { ...one, name: `params/${one.name}` }));
  assert.match(refusal(arrays).got, new RegExp(`1 missing \\(${specs[7]!.name}\\)`));
});

test("two trees of which each fits are refused, with the names of both", () => {
  const arrays = [
    ...renamed((name) => `params/${name}`),
    ...renamed((name) => `ema_params/${name}`),
  ];
  const { got, nextStep } = refusal(arrays);
  assert.match(
    got,
    /more than once: as "params\/resnet\/\.\.\." and as "ema_params\/resnet\/\.\.\."/,
  );
  assert.match(nextStep, /startswith\('params\/resnet\/'\)/);
  // Beside the official names nothing is expected.
  assert.match(
    refusal([...official, ...renamed((name) => `ema/${name}`)]).got,
    new RegExp(`${specs.length} unexpected \\(ema/`),
  );
});

const theirs = variableSpecs({ name: "units 2, 1, 1, 1", units: [2, 1, 1, 1], width: 1 }, 10);

for (const [tool, list] of toolNames)
  for (const prefix of ["", "params/", "opt/target/", "module."])
    test(`the names of ${tool} are known, after "${prefix}"`, () => {
      const arrays = list.map(({ name, shape }) => array(prefix + name, shape));
      assert.equal(headClasses(arrays), 10);
      const { names, kernels, note } = fitArchive(theirs, arrays, about);
      assert.deepEqual(
        new Map(names),
        new Map(list.map(({ name, official: own }) => [own, prefix + name])),
      );
      assert.equal(kernels, /torch|timm/.test(tool) ? "OIHW" : "HWIO");
      assert.match(note!, /its names are (timm|big_vision|the official PyTorch code)'s/);
      const body = list.filter(({ official: own }) => !own.includes("/head/"));
      const headless = body.map(({ name, shape }) => array(prefix + name, shape));
      fitArchive(theirs, headless, { ...about, newHead: true });
    });

test("PyTorch's kernels of another shape are told in the order that is meant", () => {
  const list = toolNames.get("timm")!;
  const arrays = list.map(({ name, shape }) =>
    array(name, name === "stem.conv.weight" ? [64, 1, 7, 7] : shape),
  );
  assert.throws(
    () => fitArchive(theirs, arrays, about),
    /stem\.conv\.weight: \[7, 7, 1, 64\] instead of \[7, 7, 3, 64\]/,
  );
});
