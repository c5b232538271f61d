/**
 * `npm run check:gpu` measures this project and PyTorch on the GPU of this machine and writes bench/GPU.md.
 * `npm run check:gpu -- --plugin cpu` checks on the CPU plugin that everything runs, and what XLA makes of the
 * step for an H100 that is not here; it writes nothing in bench/. Its last line is `N passed, N failed`.
 */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import {
  build,
  checkNode,
  InstallError,
  installPackages,
  ROOT,
  run,
  runScript,
} from "./install.mjs";

await runScript(async () => {
  checkNode();
  await installPackages();
  if (!(await build())) throw new InstallError("The sources do not compile; see above.", 1);
  const flags = process.argv.slice(2);
  const out = join(ROOT, "bench-out/gpu");
  const script = join(ROOT, "dist/bench/gpu/check.js");
  const cpu = flags.join(" ").includes("--plugin cpu") || flags.includes("--plugin=cpu");
  const seconds = cpu ? ["--seconds", "1500"] : [];
  const status = await run(process.execPath, [script, "--out", out, ...seconds, ...flags]);
  if (!cpu) copyFileSync(join(out, "GPU.md"), join(ROOT, "bench/GPU.md"));
  return status;
});
