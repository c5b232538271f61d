import { type OpenedEngine, openEngine as open } from "../engine/open.js";
import { type DevicesToJoin, openDevice, openForRank } from "../engine/open-device.js";
import type { Compilation } from "../engine/xla/open-xla.js";
import { output } from "./output.js";

/**
 * Opens the engine for a command; what it lacks, and why it is not a GPU's, is said on standard error.
 * @param device what `--device` says; undefined where it was not given
 * @throws UserError where there is no engine, or not that device
 */
export function openEngine(device?: string): OpenedEngine {
  return openDevice(device, { remark, compiling: sayCompilation });
}

/**
 * The engine of one of several processes: `openForRank`.
 * @throws UserError as `openEngine` does
 */
export function openEngineForRank(device?: string): OpenedEngine | DevicesToJoin {
  return openForRank(device, { remark, compiling: sayCompilation });
}

function remark(text: string): void {
  output.note(`note: ${text}`);
}

/**
 * Opens TensorFlow alone, for a command that reads and decodes and computes no network; what it lacks is
 * said on standard error.
 * @throws UserError where there is none
 */
export function openHostEngine(): OpenedEngine {
  const engine = open();
  if (engine.remark !== undefined) output.note(`note: ${engine.remark}`);
  return engine;
}

// What is compiled faster needs no word.
const noticedMs = 3000;

function sayCompilation({ purpose, device, done }: Compilation): void {
  if (done === undefined || done.elapsedMs < noticedMs) return;
  const seconds = (done.elapsedMs / 1000).toFixed(0);
  const how = done.fromCache ? "read from the cache" : "compiled, and kept for the next time";
  output.note(`note: ${purpose} for ${device}: ${how} (${seconds} s)`);
}
