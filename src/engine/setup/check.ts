/** `bit-setup --check`: what is set up, whether it works, and what is wrong if anything. */
import { availableParallelism, cpus } from "node:os";
import { type Flavour, findEngine } from "../installed.js";
import { engineRemark, isComplete, ownAddonsOf } from "../native-kernels.js";
import { lastLines } from "./command.js";
import { hasNvidiaDriver, nvidiaGpuNames } from "./driver.js";
import { probeBinding } from "./probe.js";
import { cacheFolder, enginesFolder } from "./recipe.js";

export interface EngineReport {
  readonly usable: boolean;
  /** Whether it has all that this version of bit-train sets up; else it is slower, and rounds otherwise. */
  readonly complete: boolean;
  readonly flavour?: Flavour;
  /** TensorFlow's version, as the loaded library says. */
  readonly tensorflow?: string;
  readonly devices: readonly string[];
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
  readonly cache?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Loads the engine in a process of its own and reports; changes nothing and does not throw. */
export async function checkEngine(options: CheckOptions = {}): Promise<EngineReport> {
  const { flavour, cache = cacheFolder(), signal } = options;
  const engines = enginesFolder(cache);
  const flag = flavour === undefined ? "" : ` --${flavour}`;
  const engine = findEngine(flavour, cache);
  if (engine === undefined)
    return {
      usable: false,
      complete: false,
      devices: [],
      enginesFolder: engines,
      problems: [
        `no ${flavour === undefined ? "" : `${flavour} `}engine is set up there; type: npx bit-setup${flag}`,
      ],
      notes: [],
    };
  const { folder, source, made } = engine;
  const known = { flavour: engine.flavour, folder, source, made, enginesFolder: engines };
  const complete = isComplete(engine);
  const probe = await probeBinding(engine.bindingPath, ownAddonsOf(engine), signal);
  if (!probe.usable)
    return {
      ...known,
      usable: false,
      complete,
      devices: [],
      problems: [`${probe.reason}\n  to make it anew, type: npx bit-setup --force${flag}`],
      notes: [],
    };
  const gpus = nvidiaGpuNames();
  const hasDriver = gpus.length > 0 || hasNvidiaDriver();
  const processor = cpus()[0]?.model.trim() || process.arch;
  const devices = [`CPU: ${processor}, ${availableParallelism()} threads`];
  if (probe.gpu)
    devices.unshift(...(gpus.length > 0 ? gpus.map((name) => `GPU: ${name}`) : ["GPU"]));
  const notes: string[] = [];
  const remark = engineRemark(engine);
  if (remark !== undefined && complete) notes.push(remark);
  const problems = remark !== undefined && !complete ? [remark] : [];
  if (engine.flavour === "cpu" && hasDriver && process.arch === "x64")
    notes.push(
      "an NVIDIA driver is here and this engine is for the CPU; type: npx bit-setup --gpu",
    );
  if (engine.flavour !== "cpu" && !probe.gpu)
    notes.push(
      hasDriver
        ? `an NVIDIA driver is here, but TensorFlow finds no GPU that it can use; it says:\n${lastLines(probe.log)}`
        : "no NVIDIA driver was found; this engine computes on the CPU",
    );
  return { ...known, usable: true, complete, tensorflow: probe.version, devices, problems, notes };
}
