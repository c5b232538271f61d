/** `npm start`: sets up what is missing, then fine-tunes on the sample. `npm start -- --flags` adds flags. */
import { join } from "node:path";
import { install, ROOT, run, runScript } from "./install.mjs";

await runScript(async () => {
  await install();
  const command = [join(ROOT, "bin/bit-train.js"), "sample", ...process.argv.slice(2)];
  return await run(process.execPath, command);
});
