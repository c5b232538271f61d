import { chooseDevice, type Device, describeDevice, parseDevice } from "../engine/device.js";
import { type Flavour, findEngine } from "../engine/installed.js";
import { type OpenedEngine, openEngine as open } from "../engine/open.js";
import { PjrtError } from "../engine/pjrt/client.js";
import { type Compilation, openXlaEngine } from "../engine/xla/open-xla.js";
import { UserError } from "../errors.js";
import { output } from "./output.js";

/**
 * Opens the engine for a command; what it lacks, and why it is not a GPU's, is said on standard error.
 * @param device what `--device` says; undefined where it was not given
 * @throws UserError where there is no engine, or not that device
 */
export function openEngine(device?: string): OpenedEngine {
  const chosen = chooseDevice(device === undefined ? undefined : parseDevice(device));
  if (chosen.remark !== undefined) output.note(`note: ${chosen.remark}`);
  if (chosen.engine === "xla") return openXla(chosen);
  // Of the two that may be there, the CPU's; where it is not, the other says below what it computes on.
  const cpu = chosen.must === "CPU" ? findEngine("cpu") : undefined;
  const engine = openHostEngine(cpu?.flavour);
  if (chosen.must !== undefined && chosen.must !== engine.device)
    throw new UserError(
      `--device ${device}`,
      `the engine that is set up (${engine.installed.flavour}) computes on the ${engine.device}`,
      `one for the ${chosen.must}`,
      `type: npx bit-setup --${chosen.must === "CPU" ? "cpu" : "gpu"}`,
    );
  return engine;
}

/**
 * Opens TensorFlow alone, for a command that reads and decodes and computes no network; what it lacks is
 * said on standard error.
 * @throws UserError where there is none
 */
export function openHostEngine(flavour?: Flavour): OpenedEngine {
  const engine = open(flavour);
  if (engine.remark !== undefined) output.note(`note: ${engine.remark}`);
  return engine;
}

/** @throws UserError where the plugin does not open, as where others have filled the card */
function openXla(device: Extract<Device, { engine: "xla" }>): OpenedEngine {
  try {
    return openXlaEngine(device, { compiling: sayCompilation });
  } catch (error) {
    if (!(error instanceof PjrtError)) throw error;
    throw new UserError(
      describeDevice(device),
      error.message,
      "a plugin that opens and finds its device",
      "see what is wrong: npx bit-setup --check; or compute on the CPU: --device cpu",
      { cause: error },
    );
  }
}

// What is compiled faster needs no word.
const noticedMs = 3000;

function sayCompilation({ purpose, device, done }: Compilation): void {
  if (done === undefined || done.elapsedMs < noticedMs) return;
  const seconds = (done.elapsedMs / 1000).toFixed(0);
  const how = done.fromCache ? "read from the cache" : "compiled, and kept for the next time";
  output.note(`note: ${purpose} for ${device}: ${how} (${seconds} s)`);
}
