import assert from "node:assert/strict";
import { test } from "node:test";
import { FiniteWatch } from "../../src/archive/finite-watch.js";

/** Whether all is finite, as a watch sees it that is shown pieces of these bytes. */
function seen(values: Float32Array, headerBytes: number, pieceBytes: number): boolean {
  // A header that looks like values that are not finite.
  const bytes = Buffer.concat([
    Buffer.alloc(headerBytes, 0xff),
    Buffer.from(values.buffer, values.byteOffset, values.byteLength),
  ]);
  const watch = new FiniteWatch(headerBytes);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    watch.add(bytes.subarray(at, at + pieceBytes));
  return watch.allFinite;
}

test("sees every value that is not finite, wherever pieces begin and end", () => {
  const sound = Float32Array.of(0, -0, 1, 3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -1);
  for (const headerBytes of [0, 10, 128, 131])
    for (const pieceBytes of [1, 2, 3, 4, 5, 7, 64, 1000]) {
      assert.ok(seen(sound, headerBytes, pieceBytes), `${headerBytes}, ${pieceBytes}`);
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        for (let i = 0; i < sound.length; i++) {
          const values = sound.slice();
          values[i] = bad;
          assert.ok(!seen(values, headerBytes, pieceBytes), `${bad} at ${i}, ${pieceBytes}`);
        }
    }
});

test("agrees with Number.isFinite on bits of every kind", () => {
  const bits = new Uint32Array(1);
  const value = new Float32Array(bits.buffer);
  for (let high = 0; high < 0x10000; high++) {
    bits[0] = (high << 16) | ((high * 40503) & 0xffff);
    assert.equal(seen(value, 0, 4), Number.isFinite(value[0]!), `${bits[0]}`);
  }
});
