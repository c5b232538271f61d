/** `npm run reproduce -- cifar10 R50x1`: sets up what is missing, then repeats a published run. */
import { join } from "node:path";
import { install, ROOT, run, runScript } from "./install.mjs";

await runScript(async () => {
  await install();
  const command = [join(ROOT, "bin/bit-reproduce.js"), ...process.argv.slice(2)];
  return await run(process.execPath, command);
});
