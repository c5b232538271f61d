/** What all commands have in common: help that ends with examples, and flags in both spellings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type CommandSpec, parseFlags, wholeNumber } from "../../src/cli/flags.js";
import { UserError } from "../../src/errors.js";
import { runBin } from "./command.js";

for (const name of ["bit-train", "bit-eval", "bit-predict", "bit-download"]) {
  test(`${name} --help ends with examples`, async () => {
    const { code, stdout, stderr } = await runBin(name, ["--help"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const [, examples] = stdout.split("\nExamples:\n");
    assert.match(examples ?? "", new RegExp(`^ +npx ${name} `));
    assert.match(stdout, new RegExp(`^${name} `));
  });
}

const flags = {
  base_lr: { type: "number", default: 0.003 },
  name: { type: "string" },
  save: { type: "boolean", default: true },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "test",
  usage: "test",
  description: "",
  flags,
  examples: [],
};

test("snake_case and kebab-case are the same flag", () => {
  for (const argv of [["--base_lr", "0.1"], ["--base-lr", "0.1"], ["--base-lr=0.1"]])
    assert.equal(parseFlags(spec, argv).base_lr, 0.1);
  assert.equal(parseFlags(spec, []).base_lr, 0.003);
  assert.equal(parseFlags(spec, ["--no-save"]).save, false);
  assert.equal(parseFlags(spec, ["--name", "007"]).name, "007");
});

test("files keep their names, also where these look like numbers", () => {
  const withFiles = { ...spec, positional: true };
  assert.deepEqual(parseFlags(withFiles, ["007", "1e3", "a.jpg"]).positional, [
    "007",
    "1e3",
    "a.jpg",
  ]);
  assert.throws(() => parseFlags(spec, ["a.jpg"]), UserError);
});

test("mistakes name the flag", () => {
  const cases: [string[], RegExp][] = [
    [["--base_rl", "1"], /Unknown argument: base_rl/],
    [["--base_lr"], /Not enough arguments following: base_lr/],
    [["--base_lr", "fast"], /--base_lr: is not a number/],
  ];
  for (const [argv, message] of cases) assert.throws(() => parseFlags(spec, argv), message);
  assert.equal(wholeNumber("batch", undefined, 1), undefined);
  assert.equal(wholeNumber("batch", 3, 1), 3);
  for (const value of [0, 1.5, -1, Number.POSITIVE_INFINITY])
    assert.throws(() => wholeNumber("batch", value, 1), /--batch: .* is not possible/);
});
