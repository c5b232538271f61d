/** `bit-setup`'s work: from nothing to a proven engine in the cache folder. */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type EngineManifest, findEngine, type InstalledEngine } from "../engine/installed.js";
import { writeManifest } from "../engine/manifest.js";
import { isComplete, ownAddonsOf } from "../engine/native-kernels.js";
import {
  BINDING_PACKAGE,
  cacheFolder,
  engineName,
  enginesFolder,
  type Flavour,
  type Recipe,
  recipeFor,
  WHEEL_PREFIXES,
} from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { downloadWheel } from "./download.js";
import { makeAlone } from "./make-alone.js";
import {
  compileBinding,
  compileOwnAddons,
  fetchSources,
  installedSources,
} from "./native-binding.js";
import { installPrebuilt } from "./prebuilt.js";
import { checkMachine, checkWritable, type FreeBytes } from "./preflight.js";
import { probeBinding } from "./probe.js";
import { type SetupReporter, silentReporter } from "./reporter.js";
import { putInPlace } from "./staging.js";
import { findCompiler, findPip } from "./tools.js";
import { unpackWheel } from "./wheel.js";

export interface SetUpOptions {
  /** Which engine; else the one that is there, else cpu. */
  readonly flavour?: Flavour | undefined;
  /** Make it anew even if it is there. */
  readonly force?: boolean;
  readonly cache?: string;
  readonly reporter?: SetupReporter;
  readonly signal?: AbortSignal | undefined;
  /** Replaced in tests. */
  readonly freeBytes?: FreeBytes;
}

export interface SetUpResult {
  readonly engine: InstalledEngine;
  /** False when it was there already. */
  readonly made: boolean;
}

interface Tools {
  readonly python: string;
  readonly compiler: readonly [string, ...string[]];
}

interface Work {
  readonly recipe: Recipe;
  /** Undefined for the prebuilt, which brings its binding. */
  readonly tools: Tools | undefined;
  /** Everything else that lies about while the engine is made. */
  readonly folder: string;
  /** The engine in the making. */
  readonly engine: string;
  readonly reporter: SetupReporter;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sets the engine up, or finds that it is. What it makes is complete or absent: a failure, an abort and
 * a kill leave no engine half made.
 * @throws UserError when something that it needs is missing or fails
 */
export async function setUpEngine(options: SetUpOptions = {}): Promise<SetUpResult> {
  const { cache = cacheFolder(), reporter = silentReporter, force = false, signal } = options;
  const there = findEngine(options.flavour, cache);
  if (there !== undefined && !force) {
    await addOwnAddons(there, { reporter, signal });
    return { engine: there, made: false };
  }
  const flavour = options.flavour ?? there?.flavour ?? "cpu";
  const recipe = recipeFor(flavour);
  const engines = enginesFolder(cache);

  checkMachine();
  const tools =
    flavour === "prebuilt"
      ? undefined
      : { python: await findPip(signal), compiler: await findCompiler(process.env, signal) };
  await checkWritable(engines);

  const name = engineName(flavour);
  return await makeAlone<SetUpResult>({
    ...{ engines, name, need: recipe, reporter, signal, freeBytes: options.freeBytes },
    there: async () => {
      const justMade = force ? undefined : findEngine(flavour, cache);
      if (justMade === undefined) return undefined;
      await addOwnAddons(justMade, { reporter, signal });
      return { engine: justMade, made: false };
    },
    make: async (folder) => {
      reporter.line(
        `Setting up TensorFlow ${recipe.tensorflowVersion} (${flavour}) in ${engines}: once, for all clones.`,
      );
      const engine = join(folder, "engine");
      await mkdir(engine);
      await make({ recipe, tools, folder, engine, reporter, signal });
      signal?.throwIfAborted();
      await putInPlace(engine, engines, name);
    },
    finish: async () => {
      const engine = findEngine(flavour, cache);
      if (engine === undefined) throw new Error(`the engine ${name} was made and is not found`);
      await addOwnAddons(engine, { reporter, signal });
      return { engine, made: true };
    },
  });
}

/**
 * Our own addons, made for each version of them and proved; the prebuilt library does without.
 * @throws UserError where they cannot be compiled, or do not load
 */
async function addOwnAddons(
  engine: InstalledEngine,
  { reporter, signal }: Pick<Work, "reporter" | "signal">,
): Promise<void> {
  if (isComplete(engine)) return;
  const compiler = await findCompiler(process.env, signal);
  for (const folder of [dirname(engine.folder), engine.folder]) await checkWritable(folder);
  reporter.line("Building this version's own operations, once; it takes a minute or so.");
  await compileOwnAddons(engine, compiler, signal);
  const addons = ownAddonsOf(engine);
  const probe = await probeBinding(engine.bindingPath, addons, signal);
  if (probe.usable) return;
  for (const addon of addons) await rm(addon, { force: true });
  throw new UserError(
    "bit-train's own operations",
    probe.reason,
    "operations that load into this engine",
    `make the engine anew: npx bit-setup --force --${engine.flavour}`,
  );
}

/** Fills the engine's folder, proves it, and writes its manifest last. */
async function make(work: Work): Promise<void> {
  const { recipe, engine, reporter, signal } = work;
  const source =
    recipe.requirement === undefined
      ? `prebuilt of ${BINDING_PACKAGE.name}@${BINDING_PACKAGE.version}`
      : `PyPI wheel ${recipe.requirement}`;
  const binding =
    work.tools === undefined
      ? await installPrebuilt({ ...work, folder: join(work.folder, "npm") })
      : await makeFromWheels(work, work.tools, recipe.requirement!);
  reporter.line("Loading it once, as a proof.");
  const probe = await probeBinding(join(engine, binding), [], signal);
  if (!probe.usable)
    throw new UserError(
      `TensorFlow ${recipe.tensorflowVersion} (${recipe.flavour})`,
      probe.reason,
      "a library that loads on this machine",
      recipe.flavour === "cpu"
        ? "if that does not say what to do, report it with the output of: npx bit-setup"
        : "try the CPU engine: npx bit-setup --cpu",
    );
  reporter.line(
    `It loads: TensorFlow ${probe.version}, computing on the ${probe.gpu ? "GPU" : "CPU"}.`,
  );
  const manifest: EngineManifest = {
    version: probe.version,
    flavour: recipe.flavour,
    source,
    made: new Date().toISOString(),
    binding,
    files: await keyFiles(engine, binding),
  };
  writeManifest(engine, manifest);
}

/** The binding and TensorFlow's own libraries with their sizes in bytes. */
async function keyFiles(engine: string, binding: string): Promise<Record<string, number>> {
  const files: Record<string, number> = {};
  for (const folder of ["lib", join("deps", "lib")])
    for (const name of await readdir(join(engine, folder)).catch(() => []))
      if (name.startsWith("libtensorflow"))
        files[join(folder, name)] = (await stat(join(engine, folder, name))).size;
  files[binding] = (await stat(join(engine, binding))).size;
  return files;
}

/** `tensorflow/include/x` to `include/x`, and the libraries to `lib/`. */
function placeOfTensorflow(name: string): string | undefined {
  if (!WHEEL_PREFIXES.some((prefix) => name.startsWith(prefix))) return undefined;
  const inside = name.slice("tensorflow/".length);
  return inside.startsWith("include/") ? inside : join("lib", inside);
}

/** @returns the binding's path relative to the engine */
async function makeFromWheels(work: Work, tools: Tools, requirement: string): Promise<string> {
  const { recipe, folder, engine, reporter, signal } = work;
  // Sought first: a registry that does not answer is found before gigabytes were fetched.
  const sources = installedSources() ?? (await fetchSources(join(folder, "sources"), signal));
  const download = join(folder, "download");
  const { downloadBytes: totalBytes } = recipe;
  const { python } = tools;
  const wheel = await downloadWheel({
    python,
    requirement,
    folder: download,
    totalBytes,
    reporter,
    signal,
  });
  const { fileCount } = await unpackWheel({
    wheel,
    into: engine,
    place: placeOfTensorflow,
    label: `unpacking ${requirement.split(/[<>=!~]/, 1)[0]}`,
    reporter,
    signal,
  });
  await rm(download, { recursive: true, force: true });
  if (fileCount < WHEEL_PREFIXES.length)
    throw new Error(`${requirement}: the wheel lacks some of ${WHEEL_PREFIXES.join(", ")}`);
  reporter.line(`Building the binding with ${tools.compiler.join(" ")}.`);
  await compileBinding({ compiler: tools.compiler, sources, engine, signal });
  return "tfjs_binding.node";
}
