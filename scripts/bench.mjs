/**
 * `npm run bench`: sets up what is missing, then compares the traced graph with eager textbook code.
 * `npm run bench -- --quick` shows in seconds that it works; `-- --json` prints all reports instead.
 */
import { join } from "node:path";
import { InstallError, install, ROOT, runScript } from "./install.mjs";

await runScript(async () => {
  const flags = process.argv.slice(2);
  const unknown = flags.find((flag) => flag !== "--quick" && flag !== "--json");
  if (unknown !== undefined)
    throw new InstallError(`npm run bench does not know ${unknown}: it has --quick and --json`);
  await install();
  const { fullSuite, quickSuite } = await import("../dist/src/bench/suite.js");
  const { runSuite } = await import("../dist/src/bench/run-suite.js");
  const { suiteLines } = await import("../dist/src/bench/table.js");

  const suite = flags.includes("--quick") ? quickSuite : fullSuite;
  const outcome = await runSuite(suite, join(ROOT, "bin/bit-bench.js"), (row, found, round) => {
    const what = `round ${round + 1}, ${row.mode}, ${row.title}, ${row.precision}`;
    // The table alone goes to standard output.
    console.error(`${what}: ${found.missing ?? `${found.images_per_second.toFixed(1)} img/s`}`);
  });
  if (flags.includes("--json")) console.log(JSON.stringify(outcome.outcomes.flat()));
  else console.log(["", ...suiteLines(outcome)].join("\n"));
  return 0;
});
