/** The engine that computes by XLA through a PJRT plugin. */
import type { Device } from "./device.js";
import { describeDevice } from "./device.js";
import type { OpenedEngine } from "./open.js";

/**
 * Opens the plugin of a device.
 * @throws Error until the engine is there
 */
export function openXlaEngine(device: Extract<Device, { engine: "xla" }>): OpenedEngine {
  throw new Error(`not yet: ${describeDevice(device)}`);
}
