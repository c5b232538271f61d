/** `npm run test:large`: the tests that take gigabytes, which `npm test` leaves out. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { install, ROOT, runScript } from "./install.mjs";

await runScript(async () => {
  await install();
  const file = join(ROOT, "dist/test/large/large-archive.js");
  const child = spawn(process.execPath, ["--test", "--test-reporter=spec", file], {
    stdio: "inherit",
  });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
});
