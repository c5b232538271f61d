import assert from "node:assert/strict";
import { readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSource } from "../../../src/data/dataset.js";
import { keptFindings } from "../../../src/data/files/kept-findings.js";
import { temporaryFolder } from "../temporary-folder.js";

const LONG_AGO = new Date("2020-07-29T10:14:32.123Z");

test("what cannot be decoded is looked for once, until a file changes", async (t) => {
  const folder = await temporaryFolder(t);
  const cache = join(folder, "cache");
  const file = join(folder, "shard");
  const change = async (text: string, when: Date) => {
    await writeFile(file, text);
    await utimes(file, when, when);
  };
  await change("one", LONG_AGO);
  const images = (count: number): FileSource => ({
    kind: "files",
    paths: new Array<string>(count).fill(file),
    ranges: {
      offsets: Float64Array.from({ length: count }, (_, i) => i),
      lengths: new Float64Array(count).fill(1),
      records: Int32Array.from({ length: count }, (_, i) => i),
    },
    orientations: new Uint8Array(count).fill(1),
    decoders: new Array<"jpeg-or-png">(count).fill("jpeg-or-png"),
  });
  let reason = "damaged";
  const bad = () => {
    return { index: 7, path: `${file} (record 7)`, reason, kind: "corrupt" } as const;
  };
  let asked = 0;
  const search = async () => {
    asked += 1;
    return [bad()];
  };
  let find = keptFindings(search, "an engine", cache);
  const times = async (source: FileSource) => {
    const before = asked;
    for (const _ of [1, 2]) assert.deepEqual(await find(source), [bad()]);
    return asked - before;
  };
  assert.equal(await times(images(999)), 2, "few are decoded as quickly");
  assert.equal(await times(images(1000)), 1);
  assert.equal(await times(images(1001)), 1, "other images");
  await change("two", new Date(LONG_AGO.getTime() + 1000));
  assert.equal(await times(images(1000)), 1, "a changed file");
  find = keptFindings(search, "another engine", cache);
  assert.equal(await times(images(1000)), 1, "another engine");
  reason = "shard; Input/output error";
  assert.equal(await times(images(1002)), 2, "what may pass is not kept");
  reason = "damaged";
  await change("new", new Date());
  assert.equal(await times(images(1000)), 2, "one that may change again without showing it");
  assert.equal((await readdir(join(cache, "decoded"))).length, 4);
});
