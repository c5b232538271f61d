/** Which processors convolutions and gradients of our own are for, by what Linux tells of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { filterGradientsFrom, suitsOwnConvolutions } from "../../src/engine/own-kernels.js";

test("our own convolutions are for x86-64 without AMX", () => {
  assert.equal(suitsOwnConvolutions("x64", "flags\t\t: fpu avx512_bf16 sse\n"), true);
  assert.equal(suitsOwnConvolutions("x64", "flags\t\t: fpu avx2\n"), true);
  assert.equal(suitsOwnConvolutions("x64", "flags\t\t: avx512_bf16 amx_bf16 amx_tile\n"), false);
  assert.equal(suitsOwnConvolutions("arm64", "Features\t: fp bf16\n"), false);
});

test("our own gradients of float32 kernels are for AVX2 without AVX-512", () => {
  const flags = (list: string) => `processor\t: 0\nflags\t\t: fpu ${list} sse\nbugs\t: none\n`;
  assert.equal(filterGradientsFrom("x64", flags("avx fma avx2")), 128);
  assert.equal(filterGradientsFrom("x64", flags("avx fma avx2 avx512f avx512dq")), Infinity);
  assert.equal(filterGradientsFrom("x64", flags("avx avx2")), Infinity);
  assert.equal(filterGradientsFrom("x64", ""), Infinity);
  assert.equal(filterGradientsFrom("arm64", "Features\t: fp asimd\n"), Infinity);
});
