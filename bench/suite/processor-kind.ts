/** Which kind of processor figures are of: results are kept for each, and targets are set for each. */
import { processorFlags, readCpuinfo } from "../../src/engine/cpuinfo.js";

/** What decides how fast a network computes, best first. */
const instructionTiers = [
  { tier: "amx", flag: "amx_bf16", words: "AMX" },
  { tier: "avx512-bf16", flag: "avx512_bf16", words: "AVX-512 BF16" },
  { tier: "avx512", flag: "avx512f", words: "AVX-512" },
  { tier: "avx2", flag: "avx2", words: "AVX2" },
  { tier: "bf16", flag: "bf16", words: "BF16" },
  { tier: "neon", flag: "asimd", words: "Neon" },
] as const;

export type InstructionTier = (typeof instructionTiers)[number]["tier"] | "other";

export interface ProcessorKind {
  /** Its page is `bench/results/<name>.md`, as in `amd-avx512-bf16`. */
  readonly name: string;
  /** As in `AMD, AVX-512 BF16`. */
  readonly words: string;
  readonly tier: InstructionTier;
}

const makers: readonly (readonly [pattern: RegExp, name: string, words: string])[] = [
  [/^vendor_id\s*:\s*AuthenticAMD$/m, "amd", "AMD"],
  [/^vendor_id\s*:\s*GenuineIntel$/m, "intel", "Intel"],
  [/^CPU implementer\s*:/m, "arm", "Arm"],
];

/**
 * The kind of this machine's processor: its maker, and the best of its instructions.
 * @param cpuinfo the text of Linux's /proc/cpuinfo, empty where there is none
 */
export function processorKind(cpuinfo: string = readCpuinfo()): ProcessorKind {
  const flags = processorFlags(cpuinfo);
  const best = instructionTiers.find(({ flag }) => flags.includes(flag));
  const [, maker, makerWords] = makers.find(([pattern]) => pattern.test(cpuinfo)) ?? [
    undefined,
    "other",
    "unknown maker",
  ];
  const tier = best?.tier ?? "other";
  return {
    name: `${maker}-${tier}`,
    words: `${makerWords}, ${best?.words ?? "other instructions"}`,
    tier,
  };
}
