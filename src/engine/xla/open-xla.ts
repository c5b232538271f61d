/** The engine whose networks XLA computes on devices, and whose images TensorFlow makes on the CPU. */
import { type NarrowType, plainTarget } from "../../graph/target.js";
import { describeDevice, type XlaDevice } from "../device.js";
import { narrowTypeOfCpu, narrowTypeOfGpu } from "../narrow-type.js";
import { type OpenedEngine, openEngine } from "../open.js";
import { openPjrt, openPjrtTogether, type PjrtClient, type PjrtDevice } from "../pjrt/client.js";
import { compileOrReuse } from "../pjrt/program-cache.js";
import { type DeviceCluster, idsOf, type OwnDevice } from "./device-cluster.js";
import { type Compile, pjrtDevice } from "./pjrt-device.js";
import { sharedProgram } from "./shared-program.js";
import { flagsFor, gpuClient } from "./xla-flags.js";
import { XlaSession } from "./xla-session.js";

export interface XlaOptions {
  /** Told before a program is compiled or read from the cache, and after. */
  readonly compiling?: ((report: Compilation) => void) | undefined;
  /** Where several processes run each program together. */
  readonly cluster?: DeviceCluster | undefined;
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
export function openXlaEngine(device: XlaDevice, options: XlaOptions = {}): OpenedEngine {
  Object.assign(process.env, device.environment);
  const simulated = device.plugin.name === "cpu";
  const settings = simulated ? { cpu_device_count: Math.max(...device.devices) + 1 } : gpuClient;
  const client = openPjrt(device.plugin.path, settings);
  const narrowType = () => (simulated ? narrowTypeOfCpu() : narrowTypeOfGpu());
  const engine = xlaEngine(openEngine("cpu"), client, device.devices, narrowType, options);
  return { ...engine, description: describeDevice(device) };
}

/** How a process comes together with the others. */
export interface Joining extends Omit<DeviceCluster, "ids"> {
  /** Hands a value to all processes, and gives what each has, in the order of their ranks. */
  readonly exchange: (own: OwnDevice) => Promise<readonly OwnDevice[]>;
}

/** A GPU of one of several processes. */
export interface JoinedEngine {
  /** Computes by itself, whatever the others do. */
  readonly engine: OpenedEngine;
  /** Opens a session each of whose programs all processes run together. */
  readonly open: OpenedEngine["open"];
}

/**
 * Opens the plugin of a GPU together with other processes, each of which has one too.
 * @param host the engine that makes images and reads files
 * @param device with the one GPU
 * @throws UserError where the processes' devices do not go together
 * @throws PjrtError where the plugin finds no such device, or does not reach the others
 */
export async function openXlaTogether(
  host: OpenedEngine,
  device: XlaDevice,
  { exchange, ...place }: Joining,
  options: XlaOptions = {},
): Promise<JoinedEngine> {
  Object.assign(process.env, device.environment);
  const settings = { ...gpuClient, visible_devices: device.devices };
  const client = await openPjrtTogether(device.plugin.path, settings, place);
  const [{ id, kind }] = client.devices as [PjrtDevice];
  const cluster = { ...place, ids: idsOf(await exchange({ id, kind })) };
  const engine = xlaEngine(host, client, [0], narrowTypeOfGpu, options);
  const { open } = xlaEngine(host, client, [0], narrowTypeOfGpu, { ...options, cluster });
  return { engine: { ...engine, description: describeDevice(device) }, open };
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
  { compiling, cluster }: XlaOptions = {},
): OpenedEngine {
  const ids = cluster?.ids ?? devices.map((place) => client.devices[place]!.id);
  const flags = flagsFor(client.platform, client.processes > 1);
  const { kind, memoryBytes } = client.devices[devices[0]!]!;
  let programs = 0;
  const compile: Compile = async (text, partitions, purpose) => {
    const begun = performance.now();
    compiling?.({ purpose, device: kind, done: undefined });
    const replicas = cluster?.ranks ?? 1;
    const options = { devices: ids, flags, replicas, partitions };
    const { program, fromCache } =
      cluster === undefined
        ? await compileOrReuse(client, text, options)
        : await sharedProgram(`program/${programs++}`, text, cluster, {
            compile: () => compileOrReuse(client, text, options, { also: cluster.layout }),
            load: (serialized) => client.load(serialized, options, text),
          });
    const elapsedMs = performance.now() - begun;
    compiling?.({ purpose, device: kind, done: { elapsedMs, fromCache } });
    return program;
  };
  const device = pjrtDevice(client, devices, compile, cluster?.ranks);
  return {
    ...host,
    computesBy: "XLA",
    threads: undefined,
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
