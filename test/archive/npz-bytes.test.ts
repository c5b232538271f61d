import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeNpzBytes, encodeNpzBytes, MAX_NPZ_BYTES } from "../../src/archive/npz-bytes.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { UserError } from "../../src/errors.js";
import { array, FOREIGN, fixture, PLAIN, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeZip } from "./zip-builder.js";

const asMap = (entries: typeof PLAIN) => new Map(entries.map(({ name, array }) => [name, array]));

test("decodes what numpy wrote", async () => {
  for (const name of ["stored.npz", "deflated.npz"])
    assert.deepEqual(await decodeNpzBytes(await readFile(fixture(name))), asMap(PLAIN));
  assert.deepEqual(await decodeNpzBytes(await readFile(fixture("foreign.npz"))), asMap(FOREIGN));
});

test("what it encodes, the reader on disk reads the same", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  for (const compress of [false, true]) {
    await writeFile(path, await encodeNpzBytes(PLAIN, { compress }));
    const reader = await NpzReader.open(path);
    for (const { name, array } of PLAIN) assert.deepEqual(await reader.read(name), array);
    await reader.close();
  }
});

test("equal contents give equal bytes; float16 round trip", async () => {
  assert.deepEqual(await encodeNpzBytes(PLAIN), await encodeNpzBytes(PLAIN));
  const half = await encodeNpzBytes([{ name: "x", array: quarters(9) }], { float16: true });
  assert.deepEqual((await decodeNpzBytes(half)).get("x"), quarters(9));
});

test("refuses what is too large, and points to the streaming ones", async () => {
  // Never touched, so it costs no memory: the limit is checked before anything is encoded.
  const large = array([MAX_NPZ_BYTES / 4], new Float32Array(MAX_NPZ_BYTES / 4));
  const encoding = encodeNpzBytes([{ name: "large", array: large }]);
  await assert.rejects(encoding, { name: "UserError", nextStep: /writeNpz/ });
  await assert.rejects(decodeNpzBytes(new Uint8Array(0)), UserError);
  await assert.rejects(decodeNpzBytes(new Uint8Array(MAX_NPZ_BYTES + 1)), {
    name: "UserError",
    nextStep: /NpzReader/,
  });
});

test("refuses damage, foreign names, repeated names and other contents", async (t) => {
  const stored = await readFile(fixture("stored.npz"));
  const refuse = (bytes: Uint8Array, got: RegExp) =>
    assert.rejects(decodeNpzBytes(bytes), (error) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.got, got);
      return true;
    });
  await refuse(stored.subarray(0, 3000), /end of central directory/i);
  await refuse(Buffer.from("<html></html>"), /web page/);
  await refuse(new Uint8Array(0), /an empty file/);
  await refuse(await readFile(fixture("refused.npz")), /object array/);
  const hurt = Buffer.from(stored);
  hurt[250]! ^= 1;
  await refuse(hurt, /CRC-32/);

  const path = join(await temporaryFolder(t), "made.npz");
  const contents = await readFile(fixture("scalar.npy"));
  const made = async (...names: string[]) => {
    await writeZip(
      path,
      names.map((name) => ({ name, contents })),
    );
    return readFile(path);
  };
  await refuse(await made("a.npy", "a.npy"), /twice/);
  await refuse(await made("../a.npy"), /leaves the archive/);
  await refuse(await made("a.txt"), /no \.npy/);
});
