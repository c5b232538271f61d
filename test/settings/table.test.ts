/** The table of settings as a whole: what no single row's type can say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.js";
import { commandNames } from "../../src/cli/find-command.js";
import { parseFlags } from "../../src/cli/flags.js";
import { flagOf, settingsOf, settingTable } from "../../src/settings/table.js";
import { completeSettings, isValue, recordedSettings } from "../../src/settings/values.js";

const identity = ["name", "logdir", "config", "seeds"];

test("names in camelCase are flags in snake_case", () => {
  assert.equal(flagOf("examplesPerClassSeed"), "examples_per_class_seed");
  assert.equal(flagOf("name"), "name");
  for (const name of Object.keys(settingTable))
    assert.match(flagOf(name), /^[a-z]+[0-9]*(_[a-z]+)*$/);
});

test("every default is one of its setting's values, for every command", () => {
  for (const command of commandNames) {
    for (const { name, row, default: value } of settingsOf(command))
      if (value !== undefined) assert.ok(isValue(row, value), `${command}: ${name}`);
  }
});

test("of every setting of bit-train it is said whether it decides the result", () => {
  for (const { name, row } of settingsOf("train"))
    assert.equal(row.decides === undefined, identity.includes(name), name);
});

test("text and switches come from the environment, and an empty variable is none", () => {
  for (const command of commandNames)
    for (const { row } of settingsOf(command))
      if (row.environment !== undefined) assert.ok(["text", "boolean"].includes(row.kind));
  const given = new Map([["dataset", "photos"]]);
  const missing = () => assert.fail();
  const settings = (environment: Record<string, string>) =>
    completeSettings("train", given, missing, environment);
  assert.equal(settings({ BIT_DATA_URL: "http://mirror" }).dataUrl, "http://mirror");
  assert.equal(settings({ BIT_DATA_URL: "" }).dataUrl, undefined);
  const [variable, flag] = ["BIT_ALLOW_PUBLIC_ADDRESS", "allowPublicAddress"] as const;
  for (const [word, value] of [
    ["1", true],
    ["Yes", true],
    ["0", false],
    ["", false],
  ] as const)
    assert.equal(settings({ [variable]: word })[flag], value);
  assert.throws(
    () => settings({ [variable]: "maybe" }),
    /^UserError: environment variable BIT_ALLOW_PUBLIC_ADDRESS: maybe is not possible/,
  );
});

test("what a run records of a program's options is checked, as flags are", () => {
  const recorded = recordedSettings({ seed: 3, evalEvery: undefined });
  assert.equal(recorded.seed, 3);
  assert.equal(recorded.resize, "pillow");
  assert.equal(recorded.evalEvery, undefined);
  assert.throws(() => recordedSettings({ seed: 1.5 }), /^UserError: seed: 1.5 is not possible/);
  assert.throws(() => recordedSettings({ recipe: "cake" }), /hyperrule, paddle/);
});

test("types follow from rows: defaults are certain, others are not, choices are their words", async () => {
  const { settings } = await parseFlags("eval", commands.eval, ["--precision", "bf16"]);
  const precision: "fp32" | "bf16" | "fp16" | undefined = settings.precision;
  const matchClasses: "name" | "order" = settings.matchClasses;
  const workers: number | undefined = settings.workers;
  const offline: boolean = settings.offline;
  assert.deepEqual(
    { precision, matchClasses, workers, offline },
    { precision: "bf16", matchClasses: "name", workers: undefined, offline: false },
  );
  // @ts-expect-error Nothing is known of a setting that the command does not take.
  assert.equal(settings.examplesPerClass, undefined);
  // @ts-expect-error Without a default it may be undefined.
  const crop: number = settings.crop;
  assert.equal(crop, undefined);
});
