/** XLA's settings for programs, by platform; each with why. What was measured: bench/GPU.md. */

type Flags = Readonly<Record<string, string | number | boolean>>;

const none: Flags = {};

const cuda: Flags = {};

/** @param platform as PJRT names it: `cpu`, `cuda` */
export function flagsFor(platform: string): Flags {
  return platform === "cuda" ? cuda : none;
}
