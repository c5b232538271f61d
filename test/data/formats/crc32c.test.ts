import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { crc32c, maskedCrc32c } from "../../../src/data/formats/crc32c.js";
import { fixturePath } from "../../fixture-path.js";

const bytesOf = (text: string) => new TextEncoder().encode(text);

test("CRC-32C is that of its standard", () => {
  // RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.
  assert.equal(crc32c(bytesOf("123456789")), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

test("eight bytes at a time give what single bits give, at every length", () => {
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => Math.imul(i + 3, 2654435761) >>> 24);
  for (let length = 0; length <= bytes.length; length++) {
    let crc = 0xffffffff;
    for (const byte of bytes.subarray(0, length)) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    assert.equal(crc32c(bytes.subarray(0, length)), ~crc >>> 0, `${length} bytes`);
  }
});

test("the mask is TensorFlow's", async () => {
  const shard = await readFile(fixturePath("data", "tfrecord", "slim", "train-00000-of-00002"));
  assert.equal(maskedCrc32c(shard.subarray(0, 8)), shard.readUInt32LE(8));
  const end = 12 + Number(shard.readBigUInt64LE());
  assert.equal(maskedCrc32c(shard.subarray(12, end)), shard.readUInt32LE(end));
});
