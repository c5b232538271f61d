/** Which plugin serves the GPUs of this machine, and why none does. */
import { isDriverAtLeast, type NvidiaDriver, type NvidiaGpu } from "./driver.js";
import { findPlugin, type InstalledPlugin } from "./installed-plugins.js";
import { PLUGIN_NAMES, PLUGINS, type PluginName, type PluginRecipe } from "./plugin-recipes.js";
import { cacheFolder } from "./recipe.js";

/** The plugins for GPUs, the preferred first. */
export const GPU_PLUGINS: readonly PluginRecipe[] = PLUGIN_NAMES.map(
  (name) => PLUGINS[name],
).filter(({ needs }) => needs !== undefined);

/** Whether a plugin's libraries hold code for a GPU; one whose capability nobody tells is believed. */
export function serves({ needs }: PluginRecipe, { capability }: NvidiaGpu): boolean {
  if (capability === undefined || needs === undefined) return true;
  return capability >= needs.capability[0] && capability <= needs.capability[1];
}

function runsOn({ needs }: PluginRecipe, driver: NvidiaDriver): boolean {
  if (needs === undefined || driver.version === undefined) return true;
  return isDriverAtLeast(driver.version, needs.driver);
}

/**
 * The plugin for a driver and its GPUs: the first that serves all of them, else some of them.
 * @returns its name, or why there is none and what would help
 */
export function pluginFor(driver: NvidiaDriver): { name: PluginName } | { lacking: string } {
  const running = GPU_PLUGINS.filter((recipe) => runsOn(recipe, driver));
  const chosen =
    running.find((recipe) => driver.gpus.every((gpu) => serves(recipe, gpu))) ??
    running.find((recipe) => driver.gpus.some((gpu) => serves(recipe, gpu)));
  if (chosen !== undefined) return { name: chosen.name };
  const names = driver.gpus.map(describeGpu).join(", ");
  if (running.length === 0)
    return {
      lacking:
        `the NVIDIA driver ${driver.version} is too old: version 580 or newer is wanted ` +
        "(525 at least, for GPUs of before Blackwell)",
    };
  return {
    lacking: GPU_PLUGINS.some((recipe) => driver.gpus.some((gpu) => serves(recipe, gpu)))
      ? `the NVIDIA driver ${driver.version} is too old for ${names}: version 580 or newer is wanted`
      : `${names}: older than what XLA's builds hold code for (compute capability 6.0)`,
  };
}

/** The CUDA plugin that is set up, the preferred where several are; undefined where none is. */
export function findGpuPlugin(
  driver?: NvidiaDriver,
  cache: string = cacheFolder(),
): InstalledPlugin | undefined {
  const wanted = driver === undefined ? undefined : pluginFor(driver);
  if (wanted !== undefined) return "name" in wanted ? findPlugin(wanted.name, cache) : undefined;
  for (const { name } of GPU_PLUGINS) {
    const plugin = findPlugin(name, cache);
    if (plugin !== undefined) return plugin;
  }
  return undefined;
}

/** `NVIDIA GeForce RTX 4090, 24 GiB, compute capability 8.9`. */
export function describeGpu({ name, memoryBytes, capability }: NvidiaGpu): string {
  const memory = memoryBytes === undefined ? "" : `, ${Math.round(memoryBytes / 2 ** 30)} GiB`;
  return `${name}${memory}${capability === undefined ? "" : `, compute capability ${capability}`}`;
}
