/**
 * `npm test`: sets up what is missing, then formatter and linter, type check, and every test but those
 * of `npm run test:readers`. `npm test -- PATTERN` runs only the test files whose path contains PATTERN.
 */
import { join } from "node:path";
import {
  build,
  checkNode,
  InstallError,
  installPackages,
  ROOT,
  run,
  runScript,
  setUpEngine,
} from "./install.mjs";
import { countsLine, runTests, testFiles } from "./run-tests.mjs";

await runScript(async () => {
  const [pattern = ""] = process.argv.slice(2);
  checkNode();
  await installPackages();
  console.log("Formatter and linter: biome check .");
  const lint = await run(process.execPath, [
    join(ROOT, "node_modules/@biomejs/biome/bin/biome"),
    "check",
    ".",
  ]);
  console.log("Type check: tsc");
  if (!(await build())) throw new InstallError("The sources do not compile; see above.", 1);
  await setUpEngine();

  const files = testFiles((name) => name.includes(pattern) && !name.startsWith("test/readers/"));
  if (files.length === 0) throw new InstallError(`No test file's path contains "${pattern}".`, 1);
  console.log(`Tests: ${files.length} files`);
  const counts = await runTests(files);
  if (lint !== 0)
    console.log(
      "The formatter or the linter complains; see the top. npm run format mends most of it.",
    );
  console.log(countsLine(counts));
  return lint !== 0 || counts.failed > 0 || counts.passed === 0 ? 1 : 0;
});
