/** XLA's plugin for the CPU, which has the C API of those for GPUs: for tests, a third party's build. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { cacheFolder } from "../src/cache-folder.js";
import { downloadWheel } from "../src/engine/setup/download.js";
import { silentReporter } from "../src/engine/setup/reporter.js";
import { findPip } from "../src/engine/setup/tools.js";
import { unpackWheel } from "../src/engine/setup/wheel.js";
import { makeTemporary, putInPlace, sweep, withLock } from "../src/engine/setup/workplace.js";

const WHEEL = {
  requirement: "lammps-jax-pjrt-cpu==0.11.2",
  sizeBytes: 62_711_338,
  sha256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
};
const LIBRARY = "pjrt_c_api_cpu_plugin.so";

/** The plugin's path; it is fetched once, into the cache folder. */
export async function cpuPlugin(): Promise<string> {
  const plugins = join(cacheFolder(), "pjrt");
  const name = WHEEL.requirement.replace("==", "-");
  const path = join(plugins, name, LIBRARY);
  if (existsSync(path)) return path;
  await withLock(plugins, async () => {
    if (existsSync(path)) return;
    await sweep(plugins);
    const folder = await makeTemporary(plugins, name);
    try {
      const made = join(folder, "plugin");
      await mkdir(made);
      await fetchInto(made, join(folder, "download"));
      await putInPlace(made, plugins, name);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
  return path;
}

async function fetchInto(made: string, folder: string): Promise<void> {
  const { requirement, sizeBytes: totalBytes, sha256 } = WHEEL;
  const reporter = silentReporter;
  const python = await findPip();
  const wheel = await downloadWheel({ python, requirement, folder, totalBytes, reporter });
  const hash = createHash("sha256");
  await pipeline(createReadStream(wheel), hash);
  const digest = hash.digest("hex");
  if (digest !== sha256) throw new Error(`${basename(wheel)}: SHA-256 ${digest}, not ${sha256}`);
  const place = (name: string) => (name.endsWith(`/${LIBRARY}`) ? LIBRARY : undefined);
  await unpackWheel({ wheel, into: made, place, label: "unpacking", reporter });
}
