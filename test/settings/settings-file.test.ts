/** Settings from a file of YAML or JSON, and the command line before it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.js";
import { parseFlags } from "../../src/cli/flags.js";
import { UserError } from "../../src/errors.js";
import { temporaryFolder } from "../data/temporary-folder.js";

const parse = async (...argv: string[]) =>
  (await parseFlags("train", commands.train, argv)).settings;

test("YAML and JSON give the same; the command line goes before, defaults come after", async (t) => {
  const root = await temporaryFolder(t);
  const yaml = join(root, "run.yaml");
  const json = join(root, "run.json");
  await writeFile(
    yaml,
    "# a run\ndataset: photos\nbatch: 64\nbase-lr: 1e-3\nsave: false\nname: '007'\nseed: 3\n",
  );
  const values = {
    dataset: "photos",
    batch: 64,
    base_lr: 0.001,
    save: false,
    name: "007",
    seed: 3,
  };
  await writeFile(json, JSON.stringify(values));
  const [a, b] = [await parse("--config", yaml), await parse("--config", json)];
  assert.deepEqual({ ...a, config: "" }, { ...b, config: "" });
  assert.equal(a.dataset, "photos");
  assert.equal(a.batch, 64);
  assert.equal(a.baseLr, 0.001);
  assert.equal(a.save, false);
  assert.equal(a.name, "007");
  assert.equal(a.saveEvery, 500);
  const before = await parse("--seed", "5", "--config", yaml, "--save", "--dataset", "other");
  assert.equal(before.seed, 5);
  assert.equal(before.save, true);
  assert.equal(before.dataset, "other");
  assert.equal(before.batch, 64);
});

test("mistakes in a file name the file, the setting and what is near", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, "run.yaml");
  const indented = Array.from({ length: 350 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
  const cases: [string | Uint8Array, RegExp][] = [
    ["batchSplit: 2", /run\.yaml: batchSplit is no setting\n.*perhaps batch_split/],
    ["no_save: true", /no_save is no setting\n {2}expected: save: false\n/],
    ["learning_rate: 1", /run\.yaml: learning_rate is no setting/],
    ["config: other.yaml", /config is no setting\n {2}expected: one file, which names no other/],
    ["__proto__: 1", /__proto__ is no setting/],
    ["batch: many", /run\.yaml, batch: many is not possible\n.*a whole number from 1 on/],
    ['batch: "64"', /run\.yaml, batch: "64", in quotes, is not possible/],
    ['remat: "true"', /run\.yaml, remat: "true", in quotes, is not possible/],
    ["batch: 1.5", /run\.yaml, batch: 1\.5 is not possible/],
    ["batch: .nan", /run\.yaml, batch: is not a number/],
    ["batch: [64]", /run\.yaml, batch: \[64\] is not possible/],
    ["batch:", /run\.yaml, batch: null is not possible/],
    ["name: 007", /run\.yaml, name: 7 is not possible\n.*in quotes/],
    ["remat: yes", /run\.yaml, remat: yes is not possible\n.*true or false/],
    ["resize: cubic", /run\.yaml, resize: cubic is not possible\n.*pillow, tf/],
    ["base_lr: 1\nbase-lr: 2", /run\.yaml, base-lr: stands twice/],
    ["batch: 1\nbatch: 2", /run\.yaml: cannot be read as YAML or JSON: Map keys must be unique/],
    ["- batch", /run\.yaml: holds something else/],
    ["photos", /run\.yaml: holds something else/],
    ["batch: {", /run\.yaml: cannot be read as YAML or JSON/],
    ["batch: !!js/function x", /run\.yaml: cannot be read as YAML or JSON: Unresolved tag/],
    [`${"x".repeat(1000)}: 1`, /run\.yaml: x{80} is no setting/],
    [`batch: ${"x".repeat(60_000)}`, /run\.yaml, batch: x{80} is not possible/],
    ["batch: { a: 1 }", /run\.yaml, batch: .* is not possible/],
    ["1: x", /run\.yaml: holds something else/],
    ["? [a]\n: x", /run\.yaml: holds something else/],
    ["- ".repeat(30_000), /cannot be read as YAML or JSON: it is nested/],
    ["{a: ".repeat(10_000), /cannot be read as YAML or JSON: it is nested/],
    [indented, /run\.yaml: a is no setting/],
    ["[".repeat(60_000), /run\.yaml: cannot be read as YAML or JSON/],
    ["#".repeat(1 << 17), /run\.yaml: .*more than the/],
    [Uint8Array.of(0xff, 0xfe, 0x80), /run\.yaml: is not text in UTF-8/],
    [
      `a: &a [x, x, x, x, x, x, x, x, x]\n${[..."bcdefgh"]
        .map((key, i) => `${key}: &${key} [${Array(9).fill(`*${"abcdefg"[i]}`)}]`)
        .join("\n")}`,
      /run\.yaml: /,
    ],
  ];
  for (const [text, message] of cases) {
    await writeFile(path, text);
    await assert.rejects(parse("--dataset", "x", "--config", path), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      assert.ok(error.message.length < 2000);
      return true;
    });
  }
  await writeFile(path, "# nothing but this\n");
  assert.equal((await parse("--dataset", "x", "--config", path)).dataset, "x");
  await assert.rejects(
    parse("--config", path),
    /Missing required argument: dataset[\s\S]*dataset: \.\.\. {3}in .*\.yaml/,
  );
});

test("what is no file is told as that, and nothing waits", async (t) => {
  const root = await temporaryFolder(t);
  const pipe = join(root, "pipe");
  execFileSync("mkfifo", [pipe]);
  const cases: [string, RegExp][] = [
    [join(root, "none.yaml"), /none\.yaml: there is no such file \(ENOENT\)/],
    [root, /a folder|not a regular file/],
    [pipe, /not a regular file/],
  ];
  for (const [path, message] of cases) {
    await assert.rejects(parse("--config", path), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
});
