/** `bit-report` as a command: its answer is the report's path; a log needs no engine. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { reportIn } from "../report/report-in.js";
import { bitReport, runHere } from "./command.js";

test("bit-report of an official log writes a report beside it, and prints where", async (t) => {
  const root = await temporaryFolder(t);
  const folder = join(root, "cifar10 run");
  await mkdir(folder);
  await copyFile(fixturePath("train-logs", "paddle-cifar10.log"), join(folder, "train.log"));
  const { code, stdout, stderr } = await runHere(bitReport, [folder]);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), `${folder}.html`);
  const [run] = reportIn(await readFile(`${folder}.html`, "utf8")).runs;
  assert.equal(run!.name, "cifar10 run");
  assert.equal(run!.final!.top1, 0.9732);
});

test("bit-report of nothing, or of what is no run, says what to type", async (t) => {
  const nothing = await runHere(bitReport, []);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /nothing to report on\n.*\n.*npx bit-report bit_logs\/./);
  const root = await temporaryFolder(t);
  const none = await runHere(bitReport, [join(root, "none")]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /there is no run\n.*\n.*npx bit-train runs/);
});
