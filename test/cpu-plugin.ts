/** XLA's plugin for the CPU, which has the C API of those for GPUs: for tests, a third party's build. */
import { installPlugin } from "../src/setup/plugins.js";

/** The plugin's path; it is fetched once, into the cache folder. */
export async function cpuPlugin(): Promise<string> {
  return (await installPlugin("cpu")).path;
}
