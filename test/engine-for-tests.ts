/** The native engine, as tests need it: loaded once a process. */
import { openEngine } from "../src/engine/open.js";

export const engine = openEngine();
export const { open } = engine;
