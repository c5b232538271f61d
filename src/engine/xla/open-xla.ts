/** The engine whose networks XLA computes on devices, and whose images TensorFlow makes on the CPU. */
import { type NarrowType, plainTarget } from "../../graph/target.js";
import type { Device } from "../device.js";
import { describeDevice } from "../device.js";
import { narrowTypeOfCpu, narrowTypeOfGpu } from "../narrow-type.js";
import { type OpenedEngine, openEngine } from "../open.js";
import { openPjrt, type PjrtClient } from "../pjrt/client.js";
import { compileOrReuse } from "../pjrt/program-cache.js";
import { type Compile, pjrtDevice } from "./pjrt-device.js";
import { flagsFor, gpuClient } from "./xla-flags.js";
import { XlaSession } from "./xla-session.js";

export interface XlaOptions {
  /** Told before a program is compiled or read from the cache, and after. */
  readonly compiling?: ((report: Compilation) => void) | undefined;
}

/** A program on its way to a device. */
export interface Compilation {
  /** What it is for: the fetches, as in `train/step`. */
  readonly purpose: string;
  readonly device: string;
  /** Undefined while it is compiled. */
  readonly done: { readonly elapsedMs: number; readonly fromCache: boolean } | undefined;
}

/**
 * Opens the plugin of the chosen device.
 * @throws UserError where there is no engine for the host's part
 * @throws PjrtError where the plugin finds no such device
 */
export function openXlaEngine(
  device: Extract<Device, { engine: "xla" }>,
  options: XlaOptions = {},
): OpenedEngine {
  Object.assign(process.env, device.environment);
  const simulated = device.plugin.name === "cpu";
  const settings = simulated ? { cpu_device_count: Math.max(...device.devices) + 1 } : gpuClient;
  const client = openPjrt(device.plugin.path, settings);
  const narrowType = () => (simulated ? narrowTypeOfCpu() : narrowTypeOfGpu());
  const engine = xlaEngine(openEngine("cpu"), client, device.devices, narrowType, options);
  return { ...engine, description: describeDevice(device) };
}

/**
 * @param host the engine that makes images and reads files
 * @param devices places in the client's list of devices, which compute together
 */
export function xlaEngine(
  host: OpenedEngine,
  client: PjrtClient,
  devices: readonly number[],
  narrowType: () => NarrowType,
  { compiling }: XlaOptions = {},
): OpenedEngine {
  const ids = devices.map((place) => client.devices[place]!.id);
  const flags = flagsFor(client.platform);
  const { kind, memoryBytes } = client.devices[devices[0]!]!;
  const compile: Compile = async (text, partitions, purpose) => {
    const begun = performance.now();
    compiling?.({ purpose, device: kind, done: undefined });
    const options = { devices: ids, flags, ...(partitions > 1 && { partitions }) };
    const { program, fromCache } = await compileOrReuse(client, text, options);
    const elapsedMs = performance.now() - begun;
    compiling?.({ purpose, device: kind, done: { elapsedMs, fromCache } });
    return program;
  };
  const device = pjrtDevice(client, devices, compile);
  return {
    ...host,
    computesBy: "XLA",
    description: `XLA on ${device.name}`,
    target: {
      ...{ computeType: "float32", narrowType },
      device: client.platform === "cpu" ? "CPU" : "GPU",
      deviceMemoryBytes: memoryBytes ?? Number.POSITIVE_INFINITY,
      devices: devices.length,
      // The host's operations decode images and read archives; those of the network are XLA's.
      native: { ...plainTarget.native, host: host.target.native.host },
    },
    open: (graph) => new XlaSession(graph, host.open(graph), device),
  };
}
