/**
 * `npm run check:gpu` measures this project and PyTorch on the GPU of this machine and writes bench/GPU.md.
 * `npm run check:gpu -- --plugin cpu` checks on the CPU plugin that everything runs, and what XLA makes of the
 * step for an H100 that is not here; it writes nothing in bench/. Its last line is `N passed, N failed`.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { install, ROOT, run, runScript } from "./install.mjs";

await runScript(async () => {
  await install();
  const flags = process.argv.slice(2);
  const out = join(ROOT, "bench-out/gpu");
  const script = join(ROOT, "dist/bench/gpu/check.js");
  const cpu = flags.join(" ").includes("--plugin cpu") || flags.includes("--plugin=cpu");
  if (cpu) {
    console.log("XLA's plugins: fetched where they are not in the cache (63 MB and 134 MB)");
    const { fetchPlugins } = await import("../dist/bench/gpu/places.js");
    await fetchPlugins();
  }
  const seconds = cpu ? ["--seconds", "1500"] : [];
  const status = await run(process.execPath, [script, "--out", out, ...seconds, ...flags]);
  if (!cpu) copyFileSync(join(out, "GPU.md"), join(ROOT, "bench/GPU.md"));
  return status;
});
