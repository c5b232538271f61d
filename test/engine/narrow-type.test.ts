import assert from "node:assert/strict";
import { test } from "node:test";
import { narrowTypeOfCpu, narrowTypeOfGpu } from "../../src/engine/narrow-type.js";
import { plainTarget } from "../../src/graph/target.js";
import { defaultPrecision, inPrecision } from "../../src/run/precision.js";

test("a CPU's flags tell whether it multiplies bfloat16", () => {
  const flags = (list: string) => `processor\t: 0\nflags\t\t: fpu vme ${list} sse\nbugs\t: none\n`;
  assert.equal(narrowTypeOfCpu(flags("avx2 fma")), undefined);
  assert.equal(narrowTypeOfCpu(flags("avx512f avx512_bf16")), "bfloat16");
  assert.equal(narrowTypeOfCpu(flags("amx_bf16")), "bfloat16");
  assert.equal(narrowTypeOfCpu("Features\t: fp asimd bf16\n"), "bfloat16");
  assert.equal(narrowTypeOfCpu(""), undefined);
});

test("a GPU's compute capability tells its narrow type", () => {
  const types = [6.1, 7, 7.5, 8, 9, 12].map((capability) => narrowTypeOfGpu(capability));
  const [float16, bfloat16] = ["float16", "bfloat16"];
  assert.deepEqual(types, [undefined, float16, float16, bfloat16, bfloat16, bfloat16]);
});

test("the default precision is the device's narrow type, and fp32 where it has none", () => {
  assert.equal(defaultPrecision({ narrowType: () => "bfloat16" }), "bf16");
  assert.equal(defaultPrecision({ narrowType: () => "float16" }), "fp16");
  assert.equal(defaultPrecision({ narrowType: () => undefined }), "fp32");
  assert.deepEqual(inPrecision(plainTarget, "fp16"), { ...plainTarget, computeType: "float16" });
});

test("a precision that a setting leaves out is refused, with the setting and what to type", () => {
  const leftOut = (type: string) => (type === "bfloat16" ? "ONEDNN_MAX_CPU_ISA=AVX2" : undefined);
  const target = { ...plainTarget, leftOut };
  assert.equal(inPrecision(target, "fp32").computeType, "float32");
  assert.equal(inPrecision(target, "fp16").computeType, "float16");
  assert.throws(() => inPrecision(target, "bf16"), {
    name: "UserError",
    message:
      /^ONEDNN_MAX_CPU_ISA=AVX2: leaves out .*bfloat16[\s\S]*AVX512_CORE[\s\S]*--precision fp32, or unset ONEDNN_MAX_CPU_ISA$/,
  });
});
