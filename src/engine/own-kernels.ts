/** For which processors convolutions and gradients of native/kernels/ were written and found faster. */
import type { Float32Operations } from "../graph/target.js";
import { chosen } from "./chosen.js";
import { processorFlags } from "./cpuinfo.js";
import type { TilesChoice } from "./tiles.js";

/**
 * Whether our convolutions of bfloat16 by vectors are for a processor: x86-64, but not with AMX, whose tiles
 * TensorFlow's use, and ours where tiles.ts finds them.
 */
export function suitsOwnConvolutions(cpuinfo: string, arch: string = process.arch): boolean {
  return arch === "x64" && !processorFlags(cpuinfo).includes("amx_bf16");
}

// Measured: below it packing costs more than what TensorFlow's loses (bench/NOTES.md).
const leastProducts = 128;

const ways = ["winograd", "direct"] as const;

/** What `$BIT_CONVOLUTIONS` says of float32 convolutions with kernels of 3 x 3: by Winograd's way, or by definition. */
type ConvolutionChoice = (typeof ways)[number] | undefined;

/** What the environment says of float32. */
export interface Float32Choice {
  readonly convolutions?: ConvolutionChoice;
  readonly normalization?: TilesChoice["normalization"];
}

/** @throws UserError where `$BIT_CONVOLUTIONS` is none of its values */
export function convolutionChoice(env: NodeJS.ProcessEnv = process.env): ConvolutionChoice {
  const unset = "the faster of them on this processor";
  return chosen(env, "BIT_CONVOLUTIONS", ways, unset);
}

/**
 * Which of our operations of float32 are faster than TensorFlow's: on x86-64 with AVX2 and no AVX-512 convolutions,
 * which are as fast but take in what is around them, those by Winograd's way, and gradients of large kernels, for
 * which TensorFlow's runs there at half the rate of its convolutions. With AVX-512 such a gradient is as fast as
 * these; our convolutions were not measured there.
 */
export function ownFloat32(
  cpuinfo: string,
  { convolutions, normalization }: Float32Choice = {},
  arch: string = process.arch,
): Float32Operations {
  const flags = processorFlags(cpuinfo);
  const hasAvx2 = arch === "x64" && flags.includes("avx2") && flags.includes("fma");
  const suits = hasAvx2 && !flags.includes("avx512f");
  const has = `the processor has ${suits ? "AVX2 and no AVX-512" : hasAvx2 ? "AVX-512" : "no AVX2"}`;
  const winograd = convolutions === undefined ? suits : convolutions === "winograd";
  const set = [
    ...(convolutions === undefined ? [] : [`BIT_CONVOLUTIONS=${convolutions}`]),
    ...(normalization === undefined ? [] : [`BIT_NORMALIZATION=${normalization}`]),
  ];
  return {
    filterGradients: suits ? leastProducts : Infinity,
    convolutions: suits,
    winograd,
    fusesNormalization: (suits || winograd) && normalization !== "apart",
    why: [has, ...set].join(", "),
  };
}
