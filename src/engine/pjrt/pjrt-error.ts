/** What a PJRT plugin, or the addon that calls it, reports. */
import { reported } from "../addon-fault.js";

/**
 * Messages that mean too little memory, under whichever code: XLA's allocators and CUDA's driver; cuDNN and
 * cuBLAS that find none for a handle or a workspace, and cuDNN's search that so had no algorithm left.
 */
const MEMORY =
  /out of memory|RESOURCE_EXHAUSTED|OUT_OF_MEMORY|ALLOC_FAILED|failed to allocate|scratch (?:allocation|space)|failed to determine best|no algorithm worked|(?:could not|failed to) create (?:cudnn|cublas) handle/i;

export class PjrtError extends Error {
  override readonly name = "PjrtError";

  /** @param code such as RESOURCE_EXHAUSTED */
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether a device's memory, or the host's, did not suffice: a smaller batch may help. */
  get outOfMemory(): boolean {
    return this.code === "RESOURCE_EXHAUSTED" || MEMORY.test(this.message);
  }
}

/** What the addon threw, as what callers see: all that it reports has a code. */
function explained(error: unknown): unknown {
  return reported(error, (code, message) => new PjrtError(code, message));
}

/** Calls the addon. @throws PjrtError for what it throws */
export function calling<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw explained(error);
  }
}

/** Awaits the addon. @throws PjrtError for what it throws, with the caller's stack */
export async function awaiting<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw explained(error);
  }
}
