/** XLA's settings for clients and programs, by platform; each with why. What was measured: bench/GPU.md. */

type Flags = Readonly<Record<string, string | number | boolean>>;

const none: Flags = {};

const cuda: Flags = {};

/**
 * Of a GPU's client: memory is taken as it is needed, since others may use the card too. XLA itself stops at
 * three quarters.
 */
export const gpuClient = { preallocate: false, memory_fraction: 0.92 } as const;

/**
 * Of a client of several processes, of which one alone compiles: the compiler would wait for the others to measure their
 * share of what it tries.
 */
const cudaTogether: Flags = { ...cuda, xla_gpu_shard_autotuning: false };

/**
 * @param platform as PJRT names it: `cpu`, `cuda`
 * @param together whether several processes have the client together
 */
export function flagsFor(platform: string, together = false): Flags {
  if (platform !== "cuda") return none;
  return together ? cudaTogether : cuda;
}
