/** XLA's settings for clients and programs, by platform; each with why. What was measured: bench/GPU.md. */

type Flags = Readonly<Record<string, string | number | boolean>>;

const none: Flags = {};

const cuda: Flags = {};

/**
 * Of a GPU's client: memory is taken as it is needed, since others may use the card too. XLA itself stops at
 * three quarters.
 */
export const gpuClient = { preallocate: false, memory_fraction: 0.92 } as const;

/** @param platform as PJRT names it: `cpu`, `cuda` */
export function flagsFor(platform: string): Flags {
  return platform === "cuda" ? cuda : none;
}
