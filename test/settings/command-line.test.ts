import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.js";
import { parseFlags } from "../../src/cli/flags.js";
import { commandLine } from "../../src/settings/command-line.js";

const line = (options: object) => commandLine("bit-train", "train", options, {});

test("a command has the flags of what differs from the defaults", () => {
  const options = { model: "BiT-M-R50x1", dataset: "cifar10", datadir: ".", seed: 0, save: false };
  assert.equal(
    line({ ...options, evalEvery: 20, remat: true, steps: undefined }),
    "npx bit-train --model BiT-M-R50x1 --dataset cifar10 --eval_every 20 --no-save --remat",
  );
});

test("what the environment gives is not repeated", () => {
  const options = { dataset: "a", dataUrl: "http://mirror" };
  const text = commandLine("bit-train", "train", options, { BIT_DATA_URL: "http://mirror" });
  assert.equal(text, "npx bit-train --dataset a");
});

test("a shell and the parser read the very settings back", async () => {
  const options = { dataset: "my photos/it's $HOME", note: '-x "y" `z`', batch: 8, name: "a b" };
  const typed = line(options).replace("npx bit-train", "printf '%s\\0'");
  const argv = execFileSync("sh", ["-c", typed], { encoding: "utf8" }).split("\0").slice(0, -1);
  const { settings } = await parseFlags("train", commands.train, argv);
  const { dataset, note, batch, name } = settings;
  assert.deepEqual({ dataset, note, batch, name }, options);
});
