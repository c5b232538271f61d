import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { type ArchiveArray, fitArchive, headClasses } from "../../src/model/checkpoint.js";

const specs = variableSpecs(parseArchitecture("R14x0.5"), 10);
const about = { where: "some.npz", model: "R14x0.5", newHead: false };

test("an archive with the official names fits, whatever else a run put into it", () => {
  const arrays = [
    ...specs,
    ...specs.map(({ name, shape }) => ({ name: `momentum/${name}`, shape })),
    { name: "training/step", shape: [] },
  ];
  const names = fitArchive(specs, arrays, about);
  assert.deepEqual(
    [...names],
    specs.map(({ name }) => [name, name]),
  );
});

test("numbered layers and scales of four axes are known", () => {
  const arrays = specs.map(({ name, shape }, i): ArchiveArray => {
    const numbered = name.replace("standardized_conv2d", `standardized_conv2d_${i}`);
    return { name: numbered, shape: shape.length === 1 ? [1, 1, 1, ...shape] : shape };
  });
  const names = fitArchive(specs, arrays, about);
  assert.equal(names.size, specs.length);
  specs.forEach(({ name }, i) => {
    assert.equal(names.get(name), arrays[i]!.name);
  });
});

test("a new head passes over the archive's", () => {
  const arrays = variableSpecs(parseArchitecture("R14x0.5"), 21_843);
  assert.equal(headClasses(arrays), 21_843);
  const names = fitArchive(specs, arrays, { ...about, newHead: true });
  assert.equal(names.size, specs.length - 2);
  assert.throws(() => fitArchive(specs, arrays, about), /2 of another shape/);
});

test("one error lists what is missing, unexpected and of another shape", () => {
  const arrays = specs.slice(2).map(({ name, shape }) => ({ name, shape: [...shape] }));
  arrays[0]!.shape = [1, 1, 5, 7];
  arrays.push({ name: "resnet/extra/kernel", shape: [3] });
  assert.throws(
    () => fitArchive(specs, arrays, about),
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^some\.npz: does not fit R14x0\.5/);
      assert.match(
        error.message,
        new RegExp(`2 missing \\(${specs[0]!.name}, ${specs[1]!.name}\\)`),
      );
      assert.match(error.message, /1 unexpected \(resnet\/extra\/kernel\)/);
      assert.match(error.message, /1 of another shape \(.*: \[1, 1, 5, 7\] instead of \[/);
      return true;
    },
  );
});
