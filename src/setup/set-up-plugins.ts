/** The plugins' part of `bit-setup`: which of them are wanted here, and their making. */

import { type NvidiaDriver, nvidiaDriver } from "../engine/driver.js";
import { describeGpu, GPU_PLUGINS, pluginFor } from "../engine/gpu-plugin.js";
import type { InstalledPlugin } from "../engine/installed-plugins.js";
import type { PluginName } from "../engine/plugin-recipes.js";
import { cacheFolder } from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { probePlugin } from "./plugin-probe.js";
import { installPlugin, type PluginOptions } from "./plugins.js";
import { silentReporter } from "./reporter.js";

/** What is wanted: one by its name, one for the GPU whatever is found, or one if a GPU is found. */
export type PluginWish = { readonly name: PluginName } | "gpu" | "if-gpu";

export interface PluginWishOptions extends PluginOptions {
  /** Replaced in tests. */
  readonly driver?: () => NvidiaDriver | undefined;
  /** Replaced in tests. */
  readonly probe?: typeof probePlugin;
}

/**
 * Makes, or finds, the plugin that is wished for.
 * @returns undefined where none is wanted: no GPU was found, or none that a plugin serves, which is said
 * @throws UserError where a plugin for the GPU is asked for and none can serve it, and where the plugin
 *   does not open on a device that is here
 */
export async function setUpPlugin(
  wish: PluginWish,
  options: PluginWishOptions = {},
): Promise<InstalledPlugin | undefined> {
  const { reporter = silentReporter, driver: ask = nvidiaDriver } = options;
  if (typeof wish === "object")
    return await prove(await installPlugin(wish.name, options), options);
  // XLA's builds for GPUs are for x64 alone; asked for by name, that is said as an error below.
  if (wish === "if-gpu" && process.arch !== "x64") return undefined;
  const driver = ask();
  if (driver === undefined) {
    if (wish === "if-gpu") return undefined;
    reporter.line("No NVIDIA driver was found; this set-up will be complete, but not proved here.");
    return await installPlugin(GPU_PLUGINS[0]!.name, options);
  }
  const names = driver.gpus.map(describeGpu).join("; ");
  reporter.line(`NVIDIA driver ${driver.version ?? "of unknown version"}: ${names || "no GPU"}.`);
  if (driver.complaint !== undefined) reporter.line(`nvidia-smi says: ${driver.complaint}`);
  if (driver.gpus.length === 0 && wish === "if-gpu") return undefined;
  const plugin = pluginFor(driver);
  if ("lacking" in plugin) {
    if (wish === "gpu")
      throw new UserError(
        "--gpu",
        plugin.lacking,
        "a driver and a GPU that XLA's builds serve",
        "update the driver, or compute on the CPU: npx bit-setup --cpu",
      );
    reporter.line(`Computing will be on the CPU: ${plugin.lacking}.`);
    return undefined;
  }
  const severalDevices = driver.gpus.length > 1;
  const made = await installPlugin(plugin.name, { severalDevices, ...options });
  // Without one that nvidia-smi shows, as in a container that hides it, there is nothing to open it on.
  return driver.gpus.length === 0 ? made : await prove(made, options);
}

/**
 * Opens a plugin once. It stays in any case: a card that others have filled, say, is no fault of its own.
 * @throws UserError where it does not open
 */
async function prove(
  plugin: InstalledPlugin,
  options: PluginWishOptions,
): Promise<InstalledPlugin> {
  const { reporter = silentReporter, cache = cacheFolder(), signal, probe = probePlugin } = options;
  const found = await probe(plugin, { cache, signal });
  if (!found.usable)
    throw new UserError(
      `${plugin.title}, ${plugin.path}`,
      found.reason,
      "a plugin that opens and finds its device",
      "see what is wrong: npx bit-setup --check; until then compute on the CPU: --device cpu",
    );
  reporter.line(`It opens: ${found.platform}, ${[...new Set(found.devices)].join(", ")}.`);
  return plugin;
}
