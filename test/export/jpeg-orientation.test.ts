/** EXIF's orientation in plain operations, against what Pillow says of the same files. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type HostTensor, integers } from "../../src/engine/session.js";
import { defineOrientation, orientationOf } from "../../src/export/savedmodel/jpeg-orientation.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { open } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

function opened() {
  const builder = new GraphBuilder();
  defineOrientation(builder);
  const file = builder.placeholder("bytes", "string", []);
  builder.fetchable("orientation", orientationOf(builder, file));
  const session = open(builder.build());
  const orientation = async (data: Uint8Array) => {
    const bytes: HostTensor = { type: "string", shape: [], data: [data] };
    return integers((await session.run({ bytes }, ["orientation"]))[0])[0];
  };
  return { orientation, close: () => session.close() };
}

test("orientations are those that Pillow knows, but of XMP alone", async (t) => {
  const folder = fixturePath("variants");
  const expected = JSON.parse(await readFile(join(folder, "expected.json"), "utf8")) as Readonly<
    Record<string, { readonly orientation: number }>
  >;
  const { orientation, close } = opened();
  t.after(close);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".jpg"));
  assert.ok(files.length > 15);
  for (const name of files) {
    const wanted = name.startsWith("xmp-") ? 1 : expected[name]!.orientation;
    assert.equal(await orientation(await readFile(join(folder, name))), wanted, name);
  }
});

test("what is no JPEG, or a damaged one, lies as it is", async (t) => {
  const { orientation, close } = opened();
  t.after(close);
  const whole = await readFile(fixturePath("variants/exif-big-short-0.jpg"));
  assert.notEqual(await orientation(whole), 1);
  const start = whole.indexOf("Exif");
  for (let size = 0; size < start + 20; size++)
    assert.equal(await orientation(whole.subarray(0, size)), 1, `${size} bytes`);
  for (let at = 2; at < start + 40; at++) {
    const damaged = Uint8Array.from(whole);
    damaged[at] = 0xff;
    const found = (await orientation(damaged))!;
    assert.ok(found >= 1 && found <= 8, `${at}: ${found}`);
  }
  assert.equal(await orientation(await readFile(fixturePath("variants/exif.png"))), 1);
  // As many steps as bytes would take a server's time.
  assert.equal(await orientation(new Uint8Array(2e6).fill(0xff)), 1);
});
