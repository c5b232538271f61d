/** What people name for an output may be something that they did not mean to lose. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { encodeNpyHeader } from "../../src/archive/npy.js";
import { evaluateRun } from "../../src/run/evaluate-run.js";
import {
  arrayFile,
  type PredictedRow,
  tableFile,
  writeRows,
} from "../../src/run/prediction-files.js";
import { temporaryFolder } from "../archive/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("an output takes the place of nothing, an empty file or an earlier one, and of nothing else", async (t) => {
  const folder = await temporaryFolder(t);
  const logits = Float32Array.of(0, 1, 2);
  const row: PredictedRow = {
    source: "a.png",
    index: undefined,
    outcome: { logits, features: undefined },
  };
  const kept: [string, Uint8Array][] = [
    ["photo.png", Buffer.from("\x89PNG\r\n\x1a\n and so on", "latin1")],
    ["labels.csv", Buffer.from("path,label\na.png,cat\n")],
    ["checkpoint.npz", Buffer.from("PK\x03\x04 and so on", "latin1")],
    ["batch.npy", encodeNpyHeader("<f4", [2, 8, 8, 3])],
    ["labels.npy", encodeNpyHeader("<i8", [2, 3])],
  ];
  const outputs = (path: string) => [
    tableFile(path, { classes: 3, classNames: undefined, top: 5 }),
    arrayFile(path, "logits", [1, 3]),
  ];
  for (const [name, bytes] of kept) {
    const path = join(folder, name);
    await writeFile(path, bytes);
    const expected = { name: "UserError", where: path, got: /^is another file, no / };
    for (const file of outputs(path))
      await assert.rejects(
        writeRows([file], () => assert.fail("nothing is to be computed")),
        { ...expected, nextStep: `give another place with ${file.flag}` },
      );
    // Before anything is read or fetched: there is no such run.
    await assert.rejects(
      evaluateRun({ source: join(folder, "none"), csv: path }, engine),
      expected,
    );
    assert.deepEqual(await readFile(path), Buffer.from(bytes));
  }
  for (const [i, file] of outputs(join(folder, "output")).entries()) {
    const path = join(folder, `output-${i}`);
    await writeFile(path, "");
    for (let again = 0; again < 2; again++)
      await writeRows([{ ...file, path }], (append) => append(row));
  }
  const table = await readFile(join(folder, "output-0"), "utf8");
  assert.match(table, /^path,index,top1,.*\na\.png,,2,1,0,/);
  // As a spreadsheet saves it.
  const path = join(folder, "saved.csv");
  await writeFile(path, `\ufeff${table.replaceAll(",", ";")}`);
  await writeRows([{ ...outputs(path)[0]! }], (append) => append(row));
  assert.equal(await readFile(path, "utf8"), table);
});

test("a place where no file can be made is told before any work", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "file"), "");
  for (const [place, code] of [
    ["nothing", "ENOENT"],
    ["file", "ENOTDIR"],
  ] as const) {
    const path = join(folder, place, "out.csv");
    const refused = { name: "UserError", where: path, got: new RegExp(`\\(${code}\\)`) };
    const file = tableFile(path, { classes: 3, classNames: undefined, top: 5 });
    const never = () => assert.fail("nothing is to be computed");
    await assert.rejects(writeRows([file], never), refused);
    await assert.rejects(evaluateRun({ source: join(folder, "none"), csv: path }, engine), refused);
  }
});
