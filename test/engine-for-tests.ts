/** The native engine, as tests need it: loaded once a process. */
import { openEngine } from "../src/engine/open.js";
import { plainTarget, type Target } from "../src/graph/target.js";

export const engine = openEngine();
export const { open } = engine;

/** What the engine computes by, with the operations of native/kernels/ or without. */
export function targetWith(kernels: boolean): Target {
  return kernels ? engine.target : plainTarget;
}
