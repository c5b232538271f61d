/** The engine of a device: TensorFlow's, or XLA's with TensorFlow for the host's part. */
import { UserError } from "../errors.js";
import {
  chooseDevice,
  type Device,
  describeDevice,
  parseDevice,
  type XlaDevice,
} from "./device.js";
import { findEngine } from "./installed.js";
import { type OpenedEngine, openEngine } from "./open.js";
import { PjrtError } from "./pjrt/client.js";
import { type Compilation, openXlaEngine } from "./xla/open-xla.js";

/** Who is told what while an engine is opened, and later. */
export interface EngineListener {
  /** Told what the engine lacks, and why it is not a GPU's where one might be expected. */
  readonly remark?: ((text: string) => void) | undefined;
  /** Told before a program is compiled for a device or read from the cache, and after. */
  readonly compiling?: ((report: Compilation) => void) | undefined;
}

/**
 * Opens the engine of a device.
 * @param device as `--device` says: `cpu`, `gpu`, `gpu:0,2`, `all`; undefined: a GPU where driver and plugin
 *   are there, else the CPU
 * @throws UserError where there is no engine, or not that device
 */
export function openDevice(
  device: string | undefined,
  listener: EngineListener = {},
): OpenedEngine {
  return openChosen(chosenBy(device), device, listener);
}

function chosenBy(device: string | undefined): Device {
  return chooseDevice(device === undefined ? undefined : parseDevice(device));
}

function openChosen(
  chosen: Device,
  device: string | undefined,
  { remark, compiling }: EngineListener,
): OpenedEngine {
  if (chosen.remark !== undefined) remark?.(chosen.remark);
  if (chosen.engine === "xla") return openXla(chosen, compiling);
  // Of the two that may be there, the CPU's; where it is not, the other says below what it computes on.
  const cpu = chosen.must === "CPU" ? findEngine("cpu") : undefined;
  const engine = openEngine(cpu?.flavour);
  if (engine.remark !== undefined) remark?.(engine.remark);
  if (chosen.must !== undefined && chosen.must !== engine.target.device)
    throw new UserError(
      `--device ${device}`,
      `the engine that is set up (${engine.installed.flavour}) computes on the ${engine.target.device}`,
      `one for the ${chosen.must}`,
      `type: npx bit-setup --${chosen.must === "CPU" ? "cpu" : "gpu"}`,
    );
  return engine;
}

/** GPUs that are to be opened together with those of other processes. */
export interface DevicesToJoin extends Pick<EngineListener, "compiling"> {
  readonly device: XlaDevice;
}

/**
 * The engine of one of several processes that train together: a CPU's is open, GPUs are to be opened by all together.
 * @param device as for `openDevice`
 * @throws UserError where there is no engine, or not that device, or what several processes need of it is not set up
 */
export function openForRank(
  device: string | undefined,
  listener: EngineListener = {},
): OpenedEngine | DevicesToJoin {
  const chosen = chosenBy(device);
  if (chosen.engine !== "xla") return openChosen(chosen, device, listener);
  if (chosen.remark !== undefined) listener.remark?.(chosen.remark);
  const { title, name, severalDevices } = chosen.plugin;
  if (name === "cpu")
    throw new UserError(
      `--device ${device}`,
      "XLA's CPU plugin computes in one process alone",
      "GPUs, or CPUs by TensorFlow",
      "type: --device cpu",
    );
  if (!severalDevices)
    throw new UserError(
      describeDevice(chosen),
      "NCCL is not set up, by which the GPUs of several processes reach each other",
      `${title} with NCCL`,
      "type: npx bit-setup --gpu --nccl; or compute on CPUs: --device cpu",
    );
  return { device: chosen, compiling: listener.compiling };
}

/** @throws UserError where the plugin does not open, as where others have filled the card */
function openXla(device: XlaDevice, compiling: EngineListener["compiling"]): OpenedEngine {
  try {
    return openXlaEngine(device, { compiling });
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
