/** Which processors convolutions and gradients of our own are for, by what Linux tells of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  convolutionChoice,
  ownFloat32,
  suitsOwnConvolutions,
} from "../../src/engine/own-kernels.js";

test("our own convolutions are for x86-64 without AMX", () => {
  assert.equal(suitsOwnConvolutions("flags\t\t: fpu avx512_bf16 sse\n", "x64"), true);
  assert.equal(suitsOwnConvolutions("flags\t\t: fpu avx2\n", "x64"), true);
  assert.equal(suitsOwnConvolutions("flags\t\t: avx512_bf16 amx_bf16 amx_tile\n", "x64"), false);
  assert.equal(suitsOwnConvolutions("Features\t: fp bf16\n", "arm64"), false);
});

test("our own operations of float32 are for AVX2 and AVX-512", () => {
  const flags = (list: string) => `processor\t: 0\nflags\t\t: fpu ${list} sse\nbugs\t: none\n`;
  const found = {
    convolutions: true,
    winograd: true,
    fusesNormalization: true,
    why: "the processor has AVX2",
  };
  const none = {
    ...{ convolutions: false, winograd: false },
    fusesNormalization: false,
  };
  const wide = flags("avx fma avx2 avx512f avx512dq");
  assert.deepEqual(ownFloat32(flags("avx fma avx2"), {}, "x64"), found);
  assert.deepEqual(ownFloat32(wide, {}, "x64"), {
    ...found,
    why: "the processor has AVX-512",
  });
  for (const [cpuinfo, arch] of [
    [flags("avx avx2"), "x64"],
    ["", "x64"],
    ["Features\t: fp asimd\n", "arm64"],
  ] as const)
    assert.deepEqual(ownFloat32(cpuinfo, {}, arch), {
      ...none,
      why: "the processor has no AVX2",
    });
});

test("BIT_CONVOLUTIONS chooses by which way convolutions with kernels of 3 x 3 are computed", () => {
  assert.equal(convolutionChoice({}), undefined);
  assert.equal(convolutionChoice({ BIT_CONVOLUTIONS: "" }), undefined);
  assert.equal(convolutionChoice({ BIT_CONVOLUTIONS: "direct" }), "direct");
  assert.throws(() => convolutionChoice({ BIT_CONVOLUTIONS: "fft" }), {
    message: /^BIT_CONVOLUTIONS: "fft"[\s\S]*winograd, direct[\s\S]*unset BIT_CONVOLUTIONS/,
  });
  const flags = "flags\t\t: fpu fma avx2 sse\n";
  const direct = ownFloat32(flags, { convolutions: "direct" }, "x64");
  assert.equal(direct.winograd, false);
  assert.equal(direct.convolutions, true);
  assert.equal(direct.why, "the processor has AVX2, BIT_CONVOLUTIONS=direct");
  assert.equal(
    ownFloat32("Features\t: fp asimd\n", { convolutions: "winograd" }, "arm64").winograd,
    true,
  );
});
