import { type OpenedEngine, openEngine as open } from "../engine/open.js";
import { output } from "./output.js";

/**
 * Opens the engine for a command; what it lacks is said on standard error.
 * @throws UserError where there is none
 */
export function openEngine(): OpenedEngine {
  const engine = open();
  if (engine.remark !== undefined) output.note(`note: ${engine.remark}`);
  return engine;
}
