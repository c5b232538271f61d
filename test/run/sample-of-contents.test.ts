import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSource } from "../../src/data/dataset.js";
import {
  SAMPLED_BYTES,
  SAMPLED_IMAGES,
  sampleOfContents,
} from "../../src/run/sample-of-contents.js";
import { temporaryFolder } from "../data/temporary-folder.js";

const source = (paths: readonly string[], ranges?: FileSource["ranges"]): FileSource => ({
  kind: "files",
  paths,
  ranges,
  orientations: new Uint8Array(paths.length).fill(1),
  decoders: paths.map(() => "jpeg-or-png"),
});

test("a sample of contents tells what it looks into, and takes the rest as it is", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "image");
  const bytes = new Uint8Array(3 * SAMPLED_BYTES);
  const sampled = async (at: number, images = source([path])) => {
    bytes[at]! ^= 1;
    await writeFile(path, bytes);
    return sampleOfContents(images);
  };
  await writeFile(path, bytes);
  const whole = await sampleOfContents(source([path]));
  assert.equal(await sampleOfContents(source([path])), whole);
  assert.equal(await sampled(1.5 * SAMPLED_BYTES), whole, "the middle");
  const first = await sampled(0);
  assert.notEqual(first, whole);
  assert.notEqual(await sampled(bytes.length - 1), first);

  const part = source([path], {
    offsets: Float64Array.of(10),
    lengths: Float64Array.of(5),
    records: Int32Array.of(0),
  });
  const inside = await sampled(9, part);
  assert.equal(await sampled(15, part), inside, "outside of a record");
  assert.notEqual(await sampled(14, part), inside);

  const many = source(new Array<string>(SAMPLED_IMAGES + 1).fill(path));
  const before = await sampleOfContents(many);
  assert.notEqual(await sampleOfContents(source(["gone", ...many.paths.slice(1)])), before);
});
