/** Which processors convolutions and gradients of our own are for, by what Linux tells of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filterGradientsFrom, suitsOwnConvolutions } from "../../src/engine/own-kernels.js";

test("our own convolutions are for x86-64 without AMX", () => {
  assert.equal(suitsOwnConvolutions("flags\t\t: fpu avx512_bf16 sse\n", "x64"), true);
  assert.equal(suitsOwnConvolutions("flags\t\t: fpu avx2\n", "x64"), true);
  assert.equal(suitsOwnConvolutions("flags\t\t: avx512_bf16 amx_bf16 amx_tile\n", "x64"), false);
  assert.equal(suitsOwnConvolutions("Features\t: fp bf16\n", "arm64"), false);
});

test("our own gradients of float32 kernels are for AVX2 without AVX-512", () => {
  const flags = (list: string) => `processor\t: 0\nflags\t\t: fpu ${list} sse\nbugs\t: none\n`;
  assert.equal(filterGradientsFrom(flags("avx fma avx2"), "x64"), 128);
  assert.equal(filterGradientsFrom(flags("avx fma avx2 avx512f avx512dq"), "x64"), Infinity);
  assert.equal(filterGradientsFrom(flags("avx avx2"), "x64"), Infinity);
  assert.equal(filterGradientsFrom("", "x64"), Infinity);
  assert.equal(filterGradientsFrom("Features\t: fp asimd\n", "arm64"), Infinity);
});
