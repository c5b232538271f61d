/**
 * PJRT plugins in the cache: found, and made. As an engine is, each is made in a folder apart, proved by
 * the hashes of its wheels, and put in place at once. A download that breaks off goes on with the wheel
 * that is missing: whole ones are kept until the plugin stands.
 */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { wholeSizeText } from "../disk/size-text.js";
import {
  findPlugin,
  type InstalledPlugin,
  isFolder,
  type PluginManifest,
} from "../engine/installed-plugins.js";
import { writeManifest } from "../engine/manifest.js";
import {
  downloadBytesOf,
  type PinnedWheel,
  PLUGINS,
  type PluginName,
  type PluginRecipe,
  pluginFolderName,
} from "../engine/plugin-recipes.js";
import { cacheFolder, enginesFolder } from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { downloadWheel } from "./download.js";
import { makeAlone } from "./make-alone.js";
import { checkPluginMachine, checkWritable, type FreeBytes } from "./preflight.js";
import { type SetupReporter, silentReporter } from "./reporter.js";
import { putInPlace, wheelsFolder } from "./staging.js";
import { findPip } from "./tools.js";
import { unpackWheel } from "./wheel.js";

export interface PluginOptions {
  /** With what several devices need to compute together. */
  readonly severalDevices?: boolean;
  /** Make it anew even if it is there. */
  readonly force?: boolean;
  readonly cache?: string;
  readonly reporter?: SetupReporter;
  readonly signal?: AbortSignal | undefined;
  /** Replaced in tests. */
  readonly freeBytes?: FreeBytes;
  /** Replaced in tests. */
  readonly recipe?: PluginRecipe;
}

/**
 * Sets a plugin up, or finds that it is.
 * @throws UserError when something that it needs is missing or fails
 */
export async function installPlugin(
  name: PluginName,
  options: PluginOptions = {},
): Promise<InstalledPlugin> {
  const {
    cache = cacheFolder(),
    reporter = silentReporter,
    signal,
    recipe = PLUGINS[name],
  } = options;
  const several = options.severalDevices ?? false;
  const found = (force = false) => {
    const plugin = force ? undefined : findPlugin(name, cache, recipe);
    return plugin !== undefined && (plugin.severalDevices || !several) ? plugin : undefined;
  };
  const there = found(options.force);
  if (there !== undefined) return there;

  checkPluginMachine(recipe);
  const python = await findPip(signal);
  const engines = enginesFolder(cache);
  await checkWritable(engines);
  return await makeAlone({
    ...{ engines, name: recipe.name, need: recipe, reporter, signal, freeBytes: options.freeBytes },
    there: async () => found(options.force),
    make: async (folder) => {
      const work: PluginWork = { recipe, python, engines, folder, reporter, signal };
      if (options.force === true || findPlugin(name, cache, recipe) === undefined)
        await makePlugin(work);
      if (several) await addForSeveral(work);
    },
    finish: async () => {
      await rm(wheelsFolder(engines), { recursive: true, force: true });
      const made = found();
      if (made === undefined) throw new Error(`the plugin ${name} was made and is not found`);
      return made;
    },
  });
}

interface PluginWork {
  readonly recipe: PluginRecipe;
  readonly python: string;
  readonly engines: string;
  /** A temporary folder on the engines' disk. */
  readonly folder: string;
  readonly reporter: SetupReporter;
  readonly signal: AbortSignal | undefined;
}

async function makePlugin(work: PluginWork): Promise<void> {
  const { recipe, engines, reporter, signal } = work;
  const size = wholeSizeText(downloadBytesOf(recipe));
  reporter.line(`Setting up ${recipe.title} in ${engines}: ${size} to fetch, once.`);
  const made = join(work.folder, "plugin");
  await mkdir(made);
  const files: Record<string, number> = {};
  for (const wheel of recipe.wheels) {
    const names = await bringWheel(work, wheel, made);
    for (const name of names) files[name] = (await stat(join(made, name))).size;
  }
  if (files[recipe.library] === undefined)
    throw new Error(`${recipe.name}: its wheels hold no ${recipe.library}`);
  const manifest: PluginManifest = {
    name: recipe.name,
    version: recipe.version,
    source: recipe.wheels.map((wheel) => `${wheel.package}==${wheel.version}`).join(", "),
    made: new Date().toISOString(),
    files,
  };
  writeManifest(made, manifest);
  signal?.throwIfAborted();
  await putInPlace(made, engines, pluginFolderName(recipe));
}

/** Adds the wheels for several devices to a plugin that stands: a folder each, at once. */
async function addForSeveral(work: PluginWork): Promise<void> {
  const plugin = join(work.engines, pluginFolderName(work.recipe));
  for (const wheel of work.recipe.severalDevices) {
    const target = join(plugin, wheel.folder);
    if (isFolder(target)) continue;
    const made = join(work.folder, "several");
    await bringWheel(work, wheel, made);
    await mkdir(dirname(target), { recursive: true });
    await rename(join(made, wheel.folder), target);
  }
}

/**
 * Downloads a wheel, unless a set-up that broke off left it, and unpacks it.
 * @returns the names of its unpacked files
 */
async function bringWheel(
  { python, engines, folder, reporter, signal }: PluginWork,
  wheel: PinnedWheel,
  into: string,
): Promise<string[]> {
  const kept = join(wheelsFolder(engines), `${wheel.sha256}.whl`);
  if ((await sha256Of(kept)) !== wheel.sha256) {
    const download = join(folder, "download");
    const requirement = `${wheel.package}==${wheel.version}`;
    const { sizeBytes: totalBytes } = wheel;
    const got = await downloadWheel({
      python,
      requirement,
      folder: download,
      totalBytes,
      reporter,
      signal,
    });
    const sha256 = await sha256Of(got);
    if (sha256 !== wheel.sha256)
      throw new UserError(
        requirement,
        `the package index gave a file with SHA-256 ${sha256}`,
        `the file whose SHA-256 is ${wheel.sha256}`,
        "try again: npx bit-setup; if it stays so, the index or mirror has another file under this name",
      );
    await mkdir(dirname(kept), { recursive: true });
    await rename(got, kept);
    await rm(download, { recursive: true, force: true });
  }
  const names: string[] = [];
  await unpackWheel({
    wheel: kept,
    into,
    place: (name) => {
      if (!wheel.wanted.test(name)) return undefined;
      names.push(name);
      return name;
    },
    label: `unpacking ${wheel.package}`,
    reporter,
    signal,
  });
  return names;
}

/** A file's SHA-256 in hexadecimal; undefined where there is no file. */
async function sha256Of(path: string): Promise<string | undefined> {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
