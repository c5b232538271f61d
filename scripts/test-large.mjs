/** `npm run test:large`: the tests that take gigabytes, which `npm test` leaves out. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { install, ROOT, runScript } from "./install.mjs";

await runScript(async () => {
  await install();
  const files = ["large-archive", "large-exports"].map((name) => {
    return join(ROOT, `dist/test/large/${name}.js`);
  });
  // One after the other: each needs the memory.
  const flags = ["--test", "--test-concurrency=1", "--test-reporter=spec"];
  const child = spawn(process.execPath, [...flags, ...files], { stdio: "inherit" });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
});
