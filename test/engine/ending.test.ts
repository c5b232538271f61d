/** The end of a process or a thread while a session runs. Each trial is a process of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { runCommand } from "../../src/setup/command.js";
import { engine } from "../engine-for-tests.js";

const script = fileURLToPath(new URL("./ending-trial.js", import.meta.url));
const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";

const trials: [name: string, status: number, output: RegExp, times?: number][] = [
  ["process.exit", 7, /^$/],
  ["process.exit while it computes", 7, /^$/, 5],
  ["an error that nobody catches", 1, /on purpose/],
  ["close, and nothing else to do", 0, /^$/],
  ["a session that is never closed", 0, /^$/],
  ["sessions that are forgotten", 0, /^$/],
  ["threads that are ended", 0, /^went on\n$/, 3],
  ["threads that end themselves", 0, /^7,7\n$/],
  ["process.exit while a thread computes", 7, /^$/, 3],
];

for (const [name, status, output, times = 1] of trials)
  test(name, { skip, timeout: 120_000 }, async () => {
    for (let i = 0; i < times; i++) {
      const ended = await runCommand(process.execPath, ["--expose-gc", script, name], {});
      assert.equal(ended.status, status, `${ended.killedBy} ${ended.output}`);
      assert.match(ended.output, output);
    }
  });
