/** The plugins' part of `bit-setup`: which of them are wanted here, and their making. */
import { UserError } from "../../errors.js";
import { type NvidiaDriver, nvidiaDriver } from "./driver.js";
import { describeGpu, GPU_PLUGINS, pluginFor } from "./gpu-plugin.js";
import type { PluginName } from "./plugin-recipes.js";
import { type InstalledPlugin, installPlugin, type PluginOptions } from "./plugins.js";
import { silentReporter } from "./reporter.js";

/** What is wanted: one by its name, one for the GPU whatever is found, or one if a GPU is found. */
export type PluginWish = { readonly name: PluginName } | "gpu" | "if-gpu";

/**
 * Makes, or finds, the plugin that is wished for.
 * @returns undefined where none is wanted: no GPU was found, or none that a plugin serves, which is said
 * @throws UserError where a plugin for the GPU is asked for and none can serve it
 */
export async function setUpPlugin(
  wish: PluginWish,
  options: PluginOptions & { readonly driver?: () => NvidiaDriver | undefined } = {},
): Promise<InstalledPlugin | undefined> {
  const { reporter = silentReporter, driver: ask = nvidiaDriver } = options;
  if (typeof wish === "object") return await installPlugin(wish.name, options);
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
  return await installPlugin(plugin.name, { severalDevices, ...options });
}
