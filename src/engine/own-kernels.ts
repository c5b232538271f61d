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
 * Which of our operations of float32 are faster than TensorFlow's: on x86-64 with AVX2 convolutions, which by themselves
 * are hardly as fast but take in what is around them, and those by Winograd's way.
 */
export function ownFloat32(
  cpuinfo: string,
  { convolutions, normalization }: Float32Choice = {},
  arch: string = process.arch,
): Float32Operations {
  const flags = processorFlags(cpuinfo);
  const suits = arch === "x64" && flags.includes("avx2") && flags.includes("fma");
  const wide = flags.includes("avx512f") ? "AVX-512" : "AVX2";
  const winograd = convolutions === undefined ? suits : convolutions === "winograd";
  const set = [
    ...(convolutions === undefined ? [] : [`BIT_CONVOLUTIONS=${convolutions}`]),
    ...(normalization === undefined ? [] : [`BIT_NORMALIZATION=${normalization}`]),
  ];
  return {
    convolutions: suits,
    winograd,
    fusesNormalization: (suits || winograd) && normalization !== "apart",
    why: [`the processor has ${suits ? wide : "no AVX2"}`, ...set].join(", "),
  };
}
