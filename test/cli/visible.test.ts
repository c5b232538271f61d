/** Control characters in names are shown, not sent to the terminal. */
import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { visibleLine, visibleLines } from "../../src/cli/visible.js";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { sampleWeights } from "../../src/run/sample-model.js";

import { bitPredict as predict, predictionsIn, runHere } from "./command.js";

let root: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-visible-test-"));
});

after(() => rm(root, { recursive: true, force: true }));

test("what is no control character stays as it is", () => {
  const text = "a\tb ü 猫 \u{1f431}";
  assert.equal(visibleLine(text), text);
  assert.equal(visibleLines(`${text}\n${text}`), `${text}\n${text}`);
  assert.equal(visibleLine("a\nb\r\u001b[31m\u007f\u009b"), "a\\x0ab\\x0d\\x1b[31m\\x7f\\x9b");
});

test("a file's name adds no row, and no escape sequence, to a prediction", async () => {
  const image = join(root, "a\n    99.99 %  cat\u001b[31m.png");
  await copyFile(join(sampleFolder(), "val/coat/000.png"), image);
  const args = [
    image,
    "--weights",
    sampleWeights(),
    "--top",
    "1",
    "--model",
    "R14x0.5",
    "--size",
    "32",
  ];
  const { code, stdout, stderr } = await runHere(predict, args);
  assert.equal(code, 0, stderr);
  const [source, row, ...rest] = stdout.trimEnd().split("\n");
  assert.equal(source, join(root, "a\\x0a    99.99 %  cat\\x1b[31m.png"));
  assert.match(row!, /^ +[\d.]+ % {2}(t-shirt-top|trouser|pullover|sneaker|bag)$/);
  assert.deepEqual(rest, []);
  const { stdout: json } = await runHere(predict, [...args, "--json"]);
  assert.equal(predictionsIn(json).predictions[0]!.source, image);
});
