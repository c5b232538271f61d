import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "../../src/archive/crc32.js";
import { crc32InJavaScript } from "../../src/archive/crc32-in-javascript.js";

test("both ways give the standard check value, whole and in pieces", () => {
  const digits = Buffer.from("123456789");
  for (const crc of [crc32, crc32InJavaScript]) {
    assert.equal(crc(digits), 0xcbf43926);
    assert.equal(crc(digits.subarray(4), crc(digits.subarray(0, 4))), 0xcbf43926);
    assert.equal(crc(Buffer.alloc(0)), 0);
  }
});
