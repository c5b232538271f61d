/** Convolutions and their gradients on matrix tiles: plain ones, which have the bits of AMX's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import {
  amxLeftOut,
  narrowTypeLeftOut,
  processorFlags,
  readCpuinfo,
} from "../../src/engine/cpuinfo.js";
import type { KernelsAddon } from "../../src/engine/native-kernels.js";
import { findTiles, tilesChoice } from "../../src/engine/tiles.js";
import { UserError } from "../../src/errors.js";
import {
  describeConvolutions,
  inType,
  ownConvolution,
  plainTarget,
  type Target,
} from "../../src/graph/target.js";
import { runCommand } from "../../src/setup/command.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import {
  assertRounded,
  type ConvolutionCase,
  convolved,
  madeValues,
  onPlainTiles,
  onProcessorsTiles,
  onVectors,
  tilesMissing,
} from "./tile-cases.js";
import { deviation, run, wave } from "./traced-gradients.js";

const skip = !engine.target.native.layers && "the engine has no operations of ours";

/** A layer of R50x1 on fewer, smaller images than it has. */
function layer(inChannels: number, outChannels: number, side: number, k: number, stride: 1 | 2) {
  return {
    x: [2, side, side, inChannels],
    kernel: [k, k, inChannels, outChannels],
    ...{ stride, pad: "same" },
  } as const satisfies ConvolutionCase;
}

const layers: ConvolutionCase[] = [
  layer(64, 64, 9, 1, 1),
  layer(64, 256, 8, 1, 1),
  layer(64, 64, 9, 3, 1),
  layer(256, 64, 8, 1, 1),
  layer(256, 512, 8, 1, 2),
  layer(256, 128, 8, 1, 1),
  layer(128, 128, 8, 3, 2),
  layer(128, 512, 6, 1, 1),
  layer(512, 128, 6, 1, 1),
  layer(128, 128, 7, 3, 1),
  layer(512, 1024, 6, 1, 2),
  layer(512, 256, 6, 1, 1),
  layer(256, 256, 7, 3, 2),
  layer(256, 1024, 4, 1, 1),
  layer(1024, 256, 4, 1, 1),
  layer(256, 256, 4, 3, 1),
  layer(1024, 512, 4, 1, 1),
  layer(1024, 2048, 4, 1, 2),
  layer(512, 512, 5, 3, 2),
  layer(512, 2048, 2, 1, 1),
  layer(2048, 512, 2, 1, 1),
  layer(512, 512, 3, 3, 1),
];

// Odd sizes, one image, kernels larger than images, other padding; 40 x 40 and 9 x 64 x 64 are more than
// is packed at a time, in several slices; of 5 images of 1 x 1 a block of 32 pixels has 5.
const others: ConvolutionCase[] = [
  { x: [1, 5, 7, 32], kernel: [3, 3, 32, 64], stride: 1, pad: "same" },
  { x: [2, 9, 7, 64], kernel: [3, 3, 64, 96], stride: 2, pad: "same" },
  { x: [2, 10, 10, 32], kernel: [3, 3, 32, 32], stride: 2, pad: "valid" },
  { x: [3, 9, 8, 32], kernel: [1, 1, 32, 32], stride: 2, pad: "valid" },
  { x: [1, 12, 11, 32], kernel: [5, 3, 32, 32], stride: 1, pad: "valid" },
  { x: [1, 11, 11, 32], kernel: [7, 7, 32, 32], stride: 2, pad: "valid" },
  { x: [1, 6, 9, 32], kernel: [2, 4, 32, 32], stride: 1, pad: "same" },
  { x: [1, 2, 2, 32], kernel: [3, 3, 32, 32], stride: 1, pad: "same" },
  { x: [5, 1, 1, 96], kernel: [1, 1, 96, 160], stride: 1, pad: "same" },
  { x: [1, 40, 40, 32], kernel: [3, 3, 32, 32], stride: 1, pad: "same" },
  { x: [9, 64, 64, 64], kernel: [1, 1, 64, 64], stride: 1, pad: "same" },
  // Three lists of pixels: no multiple of 32 channels of each is a third of what is packed at a time.
  { x: [4, 27, 4, 128], kernel: [3, 1, 128, 32], stride: 3, pad: "valid" },
  { x: [4, 4, 27, 160], kernel: [1, 3, 160, 96], stride: 3, pad: "valid" },
  // More output channels than are packed at a time, three times as many as a power of two.
  { x: [1, 2, 3, 32], kernel: [1, 1, 32, 1536], stride: 1, pad: "same" },
];

for (const c of [...layers, ...others])
  test(`x [${c.x}], kernel [${c.kernel}], stride ${c.stride}, ${c.pad}`, { skip }, async () => {
    const values = madeValues(c);
    const got = await convolved(onPlainTiles, c, values);
    if (tilesMissing === "") assert.deepEqual(await convolved(onProcessorsTiles, c, values), got);
    // Products of bfloat16 are exact in float32, so that only the order of float32's sums differs, of up
    // to 36,864 summands: 1e-5 of the largest value.
    const [y, dx, dw] = await convolved(plainTarget, c, values);
    assertRounded(got[0], y);
    assertRounded(got[1], dx);
    assert.ok(deviation(got[2], dw) < 1e-5, `from TensorFlow's: ${deviation(got[2], dw)}`);
    const own = await convolved(onVectors, c, values);
    assert.ok(deviation(got[2], own[2]) < 1e-5, `from vectors': ${deviation(got[2], own[2])}`);
    // A sum at the middle between two values of bfloat16 may be rounded to either.
    assert.ok(deviation(got[0], own[0]) < 2 ** -7);
    assert.ok(deviation(got[1], own[1]) < 2 ** -7);
  });

test("sums are by tiles: another order than that of vectors has other bits", { skip }, async () => {
  const c = others[1]!;
  const values = madeValues(c);
  const [byTiles, byVectors] = [
    await convolved(onPlainTiles, c, values),
    await convolved(onVectors, c, values),
  ];
  assert.notDeepEqual(byTiles[2], byVectors[2]);
});

test("what is added to a convolution is part of it, and rounded once", { skip }, async () => {
  const shape = [2, 5, 7, 96];
  const plus = { shape, data: narrowed(wave(shape, 5).data) };
  const values = madeValues({ x: [2, 5, 7, 32], kernel: [3, 3, 32, 96], stride: 1, pad: "same" });
  const { x, kernel, dy } = values;
  const [got, wanted] = await Promise.all(
    [onPlainTiles, plainTarget].map((target) => {
      return run(target, { x: x!, kernel: kernel!, plus, dy: dy! }, (inputs) => {
        const y = tf.conv2d(inputs["x"] as tf.Tensor4D, inputs["kernel"] as tf.Tensor4D, 1, "same");
        return tf.add(y, inputs["plus"]!);
      });
    }),
  );
  assertRounded(got![0]!, wanted![0]!);
});

test("a graph for tiles that the processor does not have is refused, not run", {
  skip: skip || (tilesMissing === "" && "it has them"),
}, async () => {
  const c = others[0]!;
  await assert.rejects(convolved(onProcessorsTiles, c, madeValues(c)), /no tiles: .*AMX/);
});

test("what an earlier call left in a thread's memory is not read", { skip }, async () => {
  const c = layer(64, 64, 9, 3, 2);
  const values = madeValues(c);
  const before = await convolved(onPlainTiles, c, values);
  const larger = layer(64, 64, 20, 3, 2);
  const nothing = Object.entries(madeValues(larger)).map(([name, { shape, data }]) => {
    return [name, { shape, data: data.map(() => Number.NaN) }] as const;
  });
  for (const poisoned of await convolved(onPlainTiles, larger, Object.fromEntries(nothing)))
    assert.ok(poisoned.every(Number.isNaN));
  assert.deepEqual(await convolved(onPlainTiles, c, values), before);
});

for (const by of ["tiles", "vectors"])
  test(`any number of threads gives the same bits by ${by}, of moments too`, { skip }, async () => {
    const script = fileURLToPath(new URL("./convolution-trial.js", import.meta.url));
    const sums = [1, 2, 3, 8].map(async (threads) => {
      const env = { ...process.env, TF_NUM_INTRAOP_THREADS: String(threads) };
      const ended = await runCommand(process.execPath, [script, by], { env });
      assert.equal(ended.status, 0, ended.output);
      return ended.stdout;
    });
    const [one, ...more] = await Promise.all(sums);
    assert.match(one!, /^([0-9a-f]{64}\n){42}$/);
    for (const each of more) assert.equal(each, one);
  });

test("channels that are no multiples of 32, and what is not bfloat16, are left to others", () => {
  const stride = { strideHeight: 1, strideWidth: 1 };
  const kind = (target: Target, inChannels: number, outChannels: number, strides = stride) => {
    return ownConvolution(target, { inChannels, outChannels, ...strides });
  };
  assert.equal(kind(onPlainTiles, 32, 64), "plain");
  assert.equal(kind(onPlainTiles, 3, 64), undefined);
  assert.equal(kind(onPlainTiles, 48, 64), undefined);
  assert.equal(kind(onPlainTiles, 64, 16), undefined);
  const both = { ...onPlainTiles, native: { ...onPlainTiles.native, convolutions: true } };
  assert.equal(kind(both, 32, 64), "plain");
  assert.equal(kind(both, 48, 64), "vectors");
  assert.equal(kind(onPlainTiles, 64, 64, { strideHeight: 1, strideWidth: 2 }), undefined);
  assert.equal(kind(inType(onPlainTiles, "float32"), 64, 64), undefined);
  assert.equal(kind(onVectors, 64, 64), "vectors");
});

const amx: KernelsAddon = { tilesMissing: () => "", tilesFault: () => "" };
const none: KernelsAddon = { ...amx, tilesMissing: () => "the processor has no AMX for bfloat16" };

test("BIT_TILES chooses: the processor's where there are such, plain ones, or none", () => {
  assert.deepEqual(tilesChoice({}), { tiles: undefined, normalization: undefined });
  assert.equal(tilesChoice({ BIT_TILES: "plain" }).tiles, "plain");
  assert.throws(() => tilesChoice({ BIT_TILES: "AMX" }), {
    message: /^BIT_TILES: "AMX"[\s\S]*amx, plain, off[\s\S]*unset BIT_TILES/,
  });
  assert.deepEqual(findTiles(amx, {})(), { kind: "amx", why: "the processor has AMX" });
  assert.deepEqual(findTiles(amx, { tiles: "off" })(), { kind: undefined, why: "BIT_TILES=off" });
  assert.deepEqual(findTiles(amx, { tiles: "plain" })(), { kind: "plain", why: "BIT_TILES=plain" });
  assert.deepEqual(findTiles(none, { tiles: "plain" })(), {
    kind: "plain",
    why: "BIT_TILES=plain",
  });
  assert.deepEqual(findTiles(none, {})(), {
    ...{ kind: undefined, why: "the processor has no AMX for bfloat16" },
  });
  // What was asked for and is not there is refused, not replaced.
  assert.throws(findTiles(none, { tiles: "amx" }), /BIT_TILES=amx: the processor has no AMX/);
  assert.throws(findTiles(undefined, { tiles: "plain" }), /BIT_TILES=plain: the engine lacks/);
  assert.equal(findTiles(undefined, {})().kind, undefined);
});

test("BIT_NORMALIZATION chooses whether group normalization is part of our convolutions, as by default", () => {
  const choices = [undefined, "fused", "apart"] as const;
  const described = (kernels: KernelsAddon, convolutions: boolean) => {
    return choices.map((value) => {
      const { normalization } = tilesChoice(value && { BIT_NORMALIZATION: value });
      const tiles = findTiles(kernels, { normalization });
      const native = { ...plainTarget.native, layers: true, convolutions, tiles };
      return describeConvolutions({ ...inType(plainTarget, "bfloat16"), native });
    });
  };
  const line = (by: string, why: string) => `Convolutions of bfloat16 are ${by} (${why})`;
  const onAmx = "bit-train's, on the processor's matrix tiles";
  assert.deepEqual(described(amx, false), [
    line(`${onAmx}, with group normalization`, "the processor has AMX"),
    line(`${onAmx}, with group normalization`, "the processor has AMX, BIT_NORMALIZATION=fused"),
    line(onAmx, "the processor has AMX, BIT_NORMALIZATION=apart"),
  ]);
  const lacks = "the processor has no AMX for bfloat16";
  assert.deepEqual(described(none, true), [
    line("bit-train's, without tiles, with group normalization", lacks),
    line(
      "bit-train's, without tiles, with group normalization",
      `${lacks}, BIT_NORMALIZATION=fused`,
    ),
    line("bit-train's, without tiles", `${lacks}, BIT_NORMALIZATION=apart`),
  ]);
  assert.equal(
    described(none, false)[1],
    line("TensorFlow's", `${lacks}, BIT_NORMALIZATION=fused`),
  );
  assert.throws(() => tilesChoice({ BIT_NORMALIZATION: "off" }), {
    message: /^BIT_NORMALIZATION: "off"[\s\S]*fused, apart[\s\S]*unset BIT_NORMALIZATION/,
  });
});

test("where oneDNN is told to leave AMX out, so do our convolutions", () => {
  const left = "ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16";
  assert.equal(amxLeftOut({}), undefined);
  assert.equal(amxLeftOut({ ONEDNN_MAX_CPU_ISA: "DEFAULT" }), undefined);
  assert.equal(amxLeftOut({ ONEDNN_MAX_CPU_ISA: "AVX512_CORE_AMX" }), undefined);
  assert.equal(amxLeftOut({ DNNL_MAX_CPU_ISA: "avx2" }), "DNNL_MAX_CPU_ISA=avx2");
  assert.equal(amxLeftOut({ ONEDNN_MAX_CPU_ISA: "AVX10_2" }), "ONEDNN_MAX_CPU_ISA=AVX10_2");
  assert.equal(amxLeftOut({ ONEDNN_MAX_CPU_ISA: "AVX10_2_AMX_2" }), undefined);
  assert.equal(amxLeftOut({ ONEDNN_MAX_CPU_ISA: "AVX512_CORE_BF16" }), left);
  const env = { ONEDNN_MAX_CPU_ISA: "AVX512_CORE_BF16" };
  assert.ok(!processorFlags(readCpuinfo(env)).some((flag) => flag.startsWith("amx")));
  assert.deepEqual(findTiles(amx, {}, left)(), {
    ...{ kind: undefined, why: `${left} leaves AMX out` },
  });
  assert.throws(findTiles(amx, { tiles: "amx" }, left), {
    message: /BIT_TILES=amx: ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 leaves AMX out/,
  });
  assert.equal(findTiles(amx, { tiles: "plain" }, left)().kind, "plain");
});

test("a processor whose tiles have other bits is refused, and the switch is named", () => {
  const wrong: KernelsAddon = { ...amx, tilesFault: () => "7 of 36864 values have other bits" };
  for (const choice of [undefined, "amx"] as const)
    assert.throws(findTiles(wrong, { tiles: choice }), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /7 of 36864 values have other bits[\s\S]*export BIT_TILES=off/);
      return true;
    });
  assert.equal(findTiles(wrong, { tiles: "off" })().kind, undefined);
});

test("this processor's tiles are there or not, and right where they are", { skip }, () => {
  const { kind, why } = engine.target.native.tiles();
  assert.ok(kind !== undefined || /AMX|BIT_TILES=off/.test(why), why);
});

test("by what convolutions are computed is said in a line, with the reason", () => {
  assert.equal(describeConvolutions(plainTarget), undefined);
  assert.equal(describeConvolutions(inType(plainTarget, "bfloat16")), undefined);
  const layers = { ...plainTarget.native, layers: true };
  const say = (convolutions: boolean, tiles: ReturnType<Target["native"]["tiles"]>) => {
    const native = { ...layers, convolutions, tiles: () => tiles };
    return describeConvolutions({ ...inType(plainTarget, "bfloat16"), native });
  };
  assert.equal(
    say(false, findTiles(amx, {})()),
    "Convolutions of bfloat16 are bit-train's, on the processor's matrix tiles, with group normalization (the processor has AMX)",
  );
  assert.equal(
    say(true, findTiles(none, { tiles: "plain" })()),
    "Convolutions of bfloat16 are bit-train's, on plain tiles, which are slow, with group normalization (BIT_TILES=plain)",
  );
  assert.equal(
    say(false, findTiles(amx, { tiles: "off" })()),
    "Convolutions of bfloat16 are TensorFlow's (BIT_TILES=off)",
  );
  assert.equal(
    say(true, findTiles(none, {})()),
    "Convolutions of bfloat16 are bit-train's, without tiles, with group normalization (the processor has no AMX for bfloat16)",
  );
});

test("a setting of oneDNN's under which TensorFlow cannot convolve a narrow type is named", () => {
  const wide = ["avx512f", "avx512_bf16", "avx512_fp16"];
  const by = (type: "bfloat16" | "float16", isa: string, flags = wide, env = {}) =>
    narrowTypeLeftOut(type, { ONEDNN_MAX_CPU_ISA: isa, ...env }, flags);
  assert.equal(by("bfloat16", "AVX2"), "ONEDNN_MAX_CPU_ISA=AVX2");
  assert.equal(by("bfloat16", "avx2_vnni_2"), "ONEDNN_MAX_CPU_ISA=avx2_vnni_2");
  assert.equal(by("bfloat16", "AVX512_CORE"), undefined);
  assert.equal(by("float16", "AVX512_CORE_BF16"), "ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16");
  assert.equal(by("float16", "AVX512_CORE_FP16"), undefined);
  assert.equal(by("float16", "AVX10_1_512"), undefined);
  assert.equal(by("float16", "DEFAULT"), undefined);
  // TensorFlow computes it by itself: without AVX-512, or where it does not ask oneDNN.
  assert.equal(by("bfloat16", "AVX2", ["avx2"]), undefined);
  assert.equal(by("bfloat16", "AVX2", wide, { TF_ENABLE_ONEDNN_OPTS: "0" }), undefined);
});
