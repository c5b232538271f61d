/** Proves that a plugin works by opening it once, in a process of its own. */
import { fileURLToPath } from "node:url";
import type { InstalledPlugin } from "../engine/installed-plugins.js";
import { lastLines, runCommand } from "./command.js";

export interface PluginReply {
  /** Such as `cuda`. */
  readonly platform: string;
  /** Of the C API, such as `0.115`. */
  readonly api: string;
  /** The kind of each device, such as `NVIDIA H100 80GB HBM3`. */
  readonly devices: readonly string[];
}

export type PluginProbe =
  | ({ readonly usable: true } & PluginReply)
  | { readonly usable: false; readonly reason: string };

const CHILD = fileURLToPath(new URL("./plugin-child.js", import.meta.url));

/** Opens a plugin, which must find a device. The engine must be set up: its addon calls the plugin. */
export async function probePlugin(
  { name, path }: Pick<InstalledPlugin, "name" | "path">,
  { signal, cache }: { readonly signal?: AbortSignal | undefined; readonly cache: string },
): Promise<PluginProbe> {
  // The device's memory is left to those who compute.
  const options = name === "cpu" ? {} : { preallocate: false };
  const env = { ...process.env, BIT_CACHE: cache, CUDA_DEVICE_ORDER: "PCI_BUS_ID" };
  const args = [CHILD, path, JSON.stringify(options)];
  const result = await runCommand(process.execPath, args, { env, signal });
  const line = result.stdout.split("\n").find((text) => text.startsWith('{"platform"'));
  if (result.status === 0 && line !== undefined)
    return { usable: true, ...(JSON.parse(line) as PluginReply) };
  const message = /^(?:\w*Error)(?: \[[^\]]*\])?: (.*)$/m.exec(result.output)?.[1];
  const said = message ?? `it failed:\n${lastLines(result.output, 6)}`;
  return {
    usable: false,
    reason: result.killedBy === undefined ? said : `${result.killedBy}: ${said}`,
  };
}
