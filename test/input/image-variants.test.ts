/** Files of test/fixtures/variants, as many tools write them: what is decoded is what Pillow decodes. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { imageHeaderOf, readImageHeader } from "../../src/data/files/image-header.js";
import { openEngine } from "../../src/engine/open.js";
import { SessionError } from "../../src/engine/session.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { openDecoder } from "./decoded.js";

interface Expected {
  readonly orientation: number;
  readonly height: number;
  readonly width: number;
  /** In base64. */
  readonly pixels: string;
}

const FOLDER = fixturePath("variants");
const expected = JSON.parse(readFileSync(join(FOLDER, "expected.json"), "utf8")) as Record<
  string,
  Expected
>;
const engine = openEngine();
// Every file is turned by TensorFlow's operations, and by native/kernels/ where the engine has them.
const ways = engine.target.native.layers ? [false, true] : [false];

for (const kernels of ways) {
  test(`each variant is decoded to Pillow's pixels${kernels ? ", with kernels" : ""}`, async () => {
    const names = readdirSync(FOLDER).filter((name) => name !== "expected.json");
    assert.deepEqual(names.toSorted(), Object.keys(expected).toSorted());
    const { decode, close } = openDecoder(engine.open, kernels);
    try {
      for (const name of names) {
        const { orientation, height, width, pixels } = expected[name]!;
        const path = join(FOLDER, name);
        const header = await readImageHeader(path);
        assert.ok(header.kind === "readable", `${name}: ${JSON.stringify(header)}`);
        assert.equal(header.orientation, orientation, name);
        assert.equal(header.suspect, undefined, name);
        assert.deepEqual(imageHeaderOf(await readFile(path)), header, name);
        const made = await decode(path, header.decoder, header.orientation);
        assert.deepEqual([made.height, made.width], [height, width], name);
        const wanted = Buffer.from(pixels, "base64");
        const worst = wanted.reduce(
          (most, level, i) => Math.max(most, Math.abs(level - made.pixels[i]!)),
          0,
        );
        // Equal where nothing is lost. Of what is lossy the libraries may round otherwise.
        const bound = /\.jpg$|lossy/.test(name) ? 3 : 0;
        assert.ok(worst <= bound, `${name}: off by ${worst}`);
      }
    } finally {
      close();
    }
  });
}

test("a damaged BMP or WebP is an error of the session, or an image of the size it tells", async (t) => {
  const folder = await temporaryFolder(t);
  const { decode, close } = openDecoder(engine.open, false);
  let failed = 0;
  try {
    for (const name of ["palette-4.bmp", "top-down.bmp", "animated.webp", "alpha-lossy.webp"]) {
      const whole = readFileSync(join(FOLDER, name));
      const intact = await readImageHeader(join(FOLDER, name));
      assert.ok(intact.kind === "readable");
      // Decoded as the header was before the damage, as a file that is replaced in between.
      for (let i = 0; i < 60; i++) {
        const bytes = Buffer.from(whole);
        const at = 10 + ((i * 7) % 44);
        bytes[at] = [0, 0x7f, 0x80, 0xff][i % 4]!;
        await writeTree(folder, { [name]: i % 5 === 0 ? bytes.subarray(0, at + 2 * i) : bytes });
        try {
          const { height, width, pixels } = await decode(join(folder, name), intact.decoder);
          assert.equal(pixels.length, height * width * 3);
        } catch (error) {
          assert.ok(error instanceof SessionError, `${name}: ${error}`);
          failed += 1;
        }
      }
    }
  } finally {
    close();
  }
  assert.ok(failed > 20, `only ${failed} failed`);
});
