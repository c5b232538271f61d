/**
 * On which device a command computes: what was asked for (`--device`), and what this machine has. The
 * CPU is TensorFlow's; a GPU is XLA's through a PJRT plugin, or TensorFlow's where only the prebuilt is.
 */
import { UserError } from "../errors.js";
import { hasNvidiaDriver, type NvidiaDriver, nvidiaDriver, visibleGpus } from "./driver.js";
import { findGpuPlugin, pluginFor, serves } from "./gpu-plugin.js";
import { findEngine } from "./installed.js";
import { findPlugin, type InstalledPlugin } from "./installed-plugins.js";
import { PLUGINS } from "./plugin-recipes.js";
import { cacheFolder } from "./recipe.js";

/** What `--device` asks for. */
export type DeviceChoice =
  | { readonly kind: "cpu" }
  /** Some or all of the GPUs that CUDA lets this process see, by its numbers. */
  | { readonly kind: "gpu"; readonly devices: readonly number[] | "all" }
  /** XLA's CPU plugin with so many simulated devices: for tests, and to try XLA without a GPU. */
  | { readonly kind: "xla:cpu"; readonly devices: number };

/** What a command computes on. */
export type Device =
  | {
      readonly engine: "tensorflow";
      /** What TensorFlow must compute on; undefined where either will do. */
      readonly must: "CPU" | "GPU" | undefined;
      /** Why it is not a GPU, where one might be expected. */
      readonly remark: string | undefined;
    }
  | XlaDevice;

/** Devices that XLA computes on by a plugin. */
export interface XlaDevice {
  readonly engine: "xla";
  readonly plugin: InstalledPlugin;
  /** Numbers of the devices, as the plugin counts them when it is opened in `environment`. */
  readonly devices: readonly number[];
  /** Such as `GPU 0: NVIDIA H100 80GB HBM3`, one for each of `devices`. */
  readonly names: readonly string[];
  /** What tells them from others of the machine, whatever their numbers are; one for each of `devices`. */
  readonly identities: readonly string[];
  /** Variables that must be set before the plugin is opened, so that its numbers are these. */
  readonly environment: Readonly<Record<string, string>>;
  /** What is not used of what is here. */
  readonly remark: string | undefined;
}

/** What a machine has. Replaced in tests. */
export interface Machine {
  readonly cache: string;
  readonly hasDriver: () => boolean;
  readonly driver: () => NvidiaDriver | undefined;
  readonly environment: NodeJS.ProcessEnv;
}

function thisMachine(): Machine {
  return {
    cache: cacheFolder(),
    hasDriver: hasNvidiaDriver,
    driver: nvidiaDriver,
    environment: process.env,
  };
}

const FORMS = "cpu, gpu (the first one), gpu:0,2 (these), all (every GPU)";

/**
 * Reads what `--device` says: `cpu`, `gpu`, `gpu:0,2`, `all`; for tests `xla:cpu`, or `xla:cpu:2` with
 * two simulated devices.
 * @throws UserError for anything else
 */
export function parseDevice(text: string): DeviceChoice {
  const [, numbers] = /^gpu:(\d+(?:,\d+)*)$/.exec(text) ?? [];
  const [, simulated] = /^xla:cpu:([1-9]\d{0,2})$/.exec(text) ?? [];
  if (text === "cpu") return { kind: "cpu" };
  if (text === "gpu") return { kind: "gpu", devices: [0] };
  if (text === "all") return { kind: "gpu", devices: "all" };
  if (text === "xla:cpu") return { kind: "xla:cpu", devices: 1 };
  if (simulated !== undefined) return { kind: "xla:cpu", devices: Number(simulated) };
  const devices = numbers?.split(",").map(Number);
  if (devices !== undefined && new Set(devices).size === devices.length)
    return { kind: "gpu", devices };
  throw new UserError(
    `--device ${text}`,
    devices === undefined ? "is no device" : "names a GPU twice",
    FORMS,
    "give another --device, such as: --device gpu",
  );
}

/**
 * The device for a choice; without one a GPU where driver and plugin are there, else the CPU.
 * @throws UserError where what was asked for is not here
 */
export function chooseDevice(
  choice: DeviceChoice | undefined,
  machine: Machine = thisMachine(),
): Device {
  switch (choice?.kind) {
    case undefined:
      return defaultDevice(machine);
    case "cpu":
      return { engine: "tensorflow", must: "CPU", remark: undefined };
    case "xla:cpu":
      return simulatedDevices(choice.devices, machine);
    case "gpu":
      return gpus(choice.devices, machine);
  }
}

function defaultDevice(machine: Machine): Device {
  const onCpu = (remark?: string): Device => ({ engine: "tensorflow", must: undefined, remark });
  if (!machine.hasDriver()) return onCpu();
  if (findGpuPlugin(undefined, machine.cache) === undefined)
    return onCpu(
      findEngine("prebuilt", machine.cache) === undefined
        ? "an NVIDIA driver is here, and no plugin to use a GPU; to set one up: npx bit-setup --gpu"
        : undefined,
    );
  try {
    return gpus([0], machine);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return onCpu(`the GPU is not used: ${error.got}; ${error.nextStep}`);
  }
}

function simulatedDevices(count: number, { cache }: Machine): Device {
  const plugin = findPlugin("cpu", cache);
  if (plugin === undefined)
    throw new UserError(
      "--device xla:cpu",
      `${PLUGINS.cpu.title} is not set up`,
      "its plugin, which is for tests and for trying XLA without a GPU",
      "type: npx bit-setup --plugin cpu",
    );
  const devices = Array.from({ length: count }, (_, number) => number);
  const names = devices.map((number) => `simulated device ${number}`);
  const identities = names;
  return { engine: "xla", plugin, devices, names, identities, environment: {}, remark: undefined };
}

function gpus(asked: readonly number[] | "all", machine: Machine): Device {
  const where = `--device ${asked === "all" ? "all" : `gpu:${asked.join()}`}`;
  const fail = (got: string, expected: string, next: string) =>
    new UserError(where, got, expected, `${next}; or compute on the CPU: --device cpu`);
  const driver = machine.driver();
  if (driver === undefined)
    throw fail("no NVIDIA driver was found", "an NVIDIA driver", "install NVIDIA's driver");
  if (driver.complaint !== undefined)
    throw fail(`nvidia-smi says: ${driver.complaint}`, "a driver that works", "see: nvidia-smi");
  const seen = visibleGpus(driver.gpus, machine.environment["CUDA_VISIBLE_DEVICES"]);
  const devices = asked === "all" ? seen.map((_, number) => number) : asked;
  const hidden = seen.length < driver.gpus.length ? " (CUDA_VISIBLE_DEVICES hides others)" : "";
  const missing = devices.find((number) => seen[number] === undefined);
  if (devices.length === 0)
    throw fail(`the NVIDIA driver shows no GPU${hidden}`, "a GPU", "see: nvidia-smi");
  if (missing !== undefined)
    throw fail(
      `there is no GPU ${missing}${hidden}`,
      seen.length === 0 ? "a GPU" : `numbers from 0 to ${seen.length - 1}`,
      "see: nvidia-smi",
    );
  const plugin = findGpuPlugin(driver, machine.cache);
  if (plugin === undefined) {
    // The prebuilt has its own way to a GPU, and computes on the first.
    if (findEngine("prebuilt", machine.cache) !== undefined && devices.join() === "0")
      return { engine: "tensorflow", must: "GPU", remark: undefined };
    const wanted = pluginFor(driver);
    throw "lacking" in wanted
      ? fail(wanted.lacking, "a driver and a GPU that XLA's builds serve", "update the driver")
      : fail(
          `${PLUGINS[wanted.name].title} is not set up`,
          "the plugin for this driver",
          "type: npx bit-setup --gpu",
        );
  }
  const unserved = devices
    .map((number) => seen[number]!)
    .find((gpu) => !serves(PLUGINS[plugin.name], gpu));
  if (unserved !== undefined)
    throw fail(
      `${plugin.title} has no code for the ${unserved.name} (compute capability ${unserved.capability})`,
      "GPUs that the plugin serves",
      "name others",
    );
  if (devices.length > 1 && !plugin.severalDevices)
    throw fail("NCCL is not set up", "it, for several GPUs at a time", "type: npx bit-setup --gpu");
  const unused = seen.length - devices.length;
  return {
    engine: "xla",
    plugin,
    devices,
    names: devices.map((number) => `GPU ${number}: ${seen[number]!.name}`),
    identities: devices.map((number) => seen[number]!.uuid ?? `GPU ${seen[number]!.index}`),
    // As nvidia-smi counts; CUDA by itself would put the fastest first.
    environment: { CUDA_DEVICE_ORDER: "PCI_BUS_ID" },
    remark:
      unused > 0 && asked !== "all" && devices.length === 1
        ? `${seen.length} GPUs are here and one is used; for all of them: --device all`
        : undefined,
  };
}

/** As in `GPU 0: NVIDIA H100 80GB HBM3, XLA for CUDA 13`. */
export function describeDevice(device: XlaDevice): string {
  return `${device.names.join(", ")}; ${device.plugin.title} ${device.plugin.version}`;
}
