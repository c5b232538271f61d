/** `bit-setup --check`: what is set up, whether it works, and what is wrong if anything. */
import { availableParallelism, cpus } from "node:os";
import { chooseDevice } from "../engine/device.js";
import { driverCudaVersion, type NvidiaDriver, nvidiaDriver } from "../engine/driver.js";
import { describeGpu, findGpuPlugin, pluginFor } from "../engine/gpu-plugin.js";
import { type Flavour, findEngine } from "../engine/installed.js";
import { findPlugin } from "../engine/installed-plugins.js";
import { engineRemark, isComplete, ownAddonsOf } from "../engine/native-kernels.js";
import { PLUGIN_NAMES, PLUGINS } from "../engine/plugin-recipes.js";
import { cacheFolder, enginesFolder } from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { lastLines } from "./command.js";
import { probePlugin } from "./plugin-probe.js";
import { probeBinding } from "./probe.js";
import type { PluginWish } from "./set-up-plugins.js";

export interface EngineReport {
  readonly usable: boolean;
  /** Whether it has all that this version of bit-train sets up; else it is slower, and rounds otherwise. */
  readonly complete: boolean;
  readonly flavour?: Flavour;
  /** TensorFlow's version, as the loaded library says. */
  readonly tensorflow?: string;
  readonly devices: readonly string[];
  /** The NVIDIA driver's version, and the CUDA version that it has. */
  readonly driver?: string;
  /** Of the plugins that are set up, such as `cuda13 0.11.2`: whether it opens, and where it lies. */
  readonly plugins: Readonly<Record<string, string>>;
  readonly folder?: string;
  readonly source?: string;
  readonly made?: string;
  /** Where engines are looked for. */
  readonly enginesFolder: string;
  /** Why it is not usable, and what to type. */
  readonly problems: readonly string[];
  /** What could be better. */
  readonly notes: readonly string[];
}

export interface CheckOptions {
  readonly flavour?: Flavour | undefined;
  /** What must be there too for the engine to be usable. */
  readonly plugin?: PluginWish | undefined;
  readonly cache?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Loads the engine in a process of its own and reports; changes nothing and does not throw. */
export async function checkEngine(options: CheckOptions = {}): Promise<EngineReport> {
  const { flavour, plugin, cache = cacheFolder(), signal } = options;
  const engines = enginesFolder(cache);
  const flag = flavour === undefined ? "" : ` --${flavour}`;
  const engine = findEngine(flavour, cache);
  const driver = nvidiaDriver();
  const gpu = await checkGpu(driver, cache, signal);
  if (engine === undefined)
    return {
      ...gpu,
      usable: false,
      complete: false,
      enginesFolder: engines,
      problems: [
        `no ${flavour === undefined ? "" : `${flavour} `}engine is set up there; type: npx bit-setup${flag}`,
      ],
    };
  const { folder, source, made } = engine;
  const known = { ...gpu, flavour: engine.flavour, folder, source, made, enginesFolder: engines };
  const complete = isComplete(engine);
  const probe = await probeBinding(engine.bindingPath, ownAddonsOf(engine), signal);
  if (!probe.usable)
    return {
      ...known,
      usable: false,
      complete,
      problems: [`${probe.reason}\n  to make it anew, type: npx bit-setup --force${flag}`],
    };
  const processor = cpus()[0]?.model.trim() || process.arch;
  const devices = [...gpu.devices, `CPU: ${processor}, ${availableParallelism()} threads`];
  const notes = [...gpu.notes];
  const remark = engineRemark(engine);
  if (remark !== undefined && complete) notes.push(remark);
  const lacking = lackingFor(plugin, gpu, { driver, cache });
  const problems = [...(remark !== undefined && !complete ? [remark] : []), ...lacking];
  if (engine.flavour === "prebuilt" && gpu.driver !== undefined && !probe.gpu)
    notes.push(
      `an NVIDIA driver is here, but TensorFlow finds no GPU that it can use; it says:\n${lastLines(probe.log)}`,
    );
  const usable = lacking.length === 0;
  return { ...known, usable, complete, tensorflow: probe.version, devices, problems, notes };
}

/** Why what was asked for besides the CPU's engine cannot be used; nothing where it can. */
function lackingFor(
  wish: PluginWish | undefined,
  { plugins }: GpuReport,
  { driver, cache }: { readonly driver: NvidiaDriver | undefined; readonly cache: string },
): string[] {
  if (wish === undefined || wish === "if-gpu") return [];
  const fails = Object.entries(plugins).filter(([, state]) => state.startsWith("fails"));
  if (wish === "gpu") {
    const machine = { cache, environment: process.env, driver: () => driver };
    try {
      chooseDevice(
        { kind: "gpu", devices: [0] },
        { ...machine, hasDriver: () => driver !== undefined },
      );
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [`no GPU can be used: ${error.got}; ${error.nextStep}`];
    }
    return fails
      .filter(([plugin]) => !plugin.startsWith("cpu "))
      .map(([plugin]) => `the plugin ${plugin} does not open`);
  }
  const { name } = wish;
  if (findPlugin(name, cache) === undefined)
    return [`${PLUGINS[name].title} (${name}) is not set up; type: npx bit-setup --plugin ${name}`];
  return fails
    .filter(([plugin]) => plugin.startsWith(`${name} `))
    .map(([plugin]) => `the plugin ${plugin} does not open`);
}

type GpuReport = Pick<EngineReport, "devices" | "plugins" | "notes"> & { readonly driver?: string };

/** Which GPUs and plugins there are, whether they open, or why none is used. */
async function checkGpu(
  driver: NvidiaDriver | undefined,
  cache: string,
  signal: AbortSignal | undefined,
): Promise<GpuReport> {
  const plugins: Record<string, string> = {};
  const notes =
    driver === undefined ? ["no GPU is used: no NVIDIA driver was found"] : gpuNotes(driver, cache);
  const inUse = driver === undefined ? undefined : findGpuPlugin(driver, cache)?.name;
  for (const name of PLUGIN_NAMES) {
    const plugin = findPlugin(name, cache);
    if (plugin === undefined) continue;
    let state = "waits for a GPU";
    if (name === "cpu" || (name === inUse && driver!.gpus.length > 0)) {
      const probe = await probePlugin(plugin, { cache, signal });
      state = probe.usable
        ? `opens (API ${probe.api}): ${[...new Set(probe.devices)].join(", ")}`
        : "fails";
      if (!probe.usable) notes.push(`the plugin ${name} does not open: ${probe.reason}`);
    }
    plugins[`${name} ${plugin.version}`] = `${state}; ${plugin.folder}`;
  }
  if (driver === undefined) return { plugins, devices: [], notes };
  const cuda = driverCudaVersion();
  const version = driver.version ?? "of unknown version";
  return {
    plugins,
    driver: `NVIDIA ${version}${cuda === undefined ? "" : `, CUDA ${cuda}`}`,
    devices: driver.gpus.map((gpu) => `GPU ${gpu.index}: ${describeGpu(gpu)}`),
    notes,
  };
}

/** Why the GPUs of a driver are not used, or not all of them, and what to type. */
function gpuNotes(driver: NvidiaDriver, cache: string): string[] {
  if (driver.complaint !== undefined) return [`nvidia-smi says: ${driver.complaint}`];
  if (driver.gpus.length === 0) return ["an NVIDIA driver is here, but it shows no GPU"];
  if (process.arch !== "x64") return [`XLA's builds for GPUs are not for ${process.arch}`];
  const wanted = pluginFor(driver);
  if ("lacking" in wanted) return [`the GPU is not used: ${wanted.lacking}`];
  const plugin = findGpuPlugin(driver, cache);
  if (plugin === undefined)
    return ["the GPU is not used: its plugin is not set up; type: npx bit-setup --gpu"];
  return driver.gpus.length > 1 && !plugin.severalDevices
    ? ["for several GPUs at a time NCCL is missing; type: npx bit-setup --gpu"]
    : [];
}
