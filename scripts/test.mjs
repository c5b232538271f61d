/**
 * `npm test`: sets up what is missing, then formatter and linter, type check, and every test.
 * `npm test -- PATTERN` runs only the test files whose path contains PATTERN.
 */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { run as runTests } from "node:test";
import { spec } from "node:test/reporters";
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

const FILE_TIMEOUT_MS = 10 * 60 * 1000;

/** The compiled test files of the sources that exist; dist may hold some of deleted ones. */
function testFiles(pattern) {
  return readdirSync(join(ROOT, "test"), { recursive: true })
    .filter((name) => name.endsWith(".test.ts") && join("test", name).includes(pattern))
    .sort()
    .map((name) => join(ROOT, "dist/test", name.replace(/\.ts$/, ".js")))
    .filter((file) => existsSync(file));
}

/** @returns {Promise<{ passed: number, failed: number, skipped: number }>} */
async function test(files) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const isFile = ({ name, nesting }) =>
    nesting === 0 && files.includes(join(ROOT, relative(ROOT, name)));
  const count = (kind) => (event) => {
    if (event.details?.type === "suite") return;
    if (event.skip !== undefined || event.todo !== undefined) counts.skipped++;
    // A file that ran no test is reported as a test that passed; it shows nothing.
    else if (kind === "failed" || !isFile(event)) counts[kind]++;
  };
  const tests = runTests({ files, concurrency: 2, timeout: FILE_TIMEOUT_MS })
    .on("test:pass", count("passed"))
    .on("test:fail", count("failed"));
  const report = tests.pipe(new spec());
  report.pipe(process.stdout, { end: false });
  await new Promise((resolve, reject) => {
    report.once("end", resolve);
    tests.once("error", reject);
  });
  return counts;
}

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

  const files = testFiles(pattern);
  if (files.length === 0) throw new InstallError(`No test file's path contains "${pattern}".`, 1);
  console.log(`Tests: ${files.length} files`);
  const { passed, failed, skipped } = await test(files);
  if (lint !== 0)
    console.log(
      "The formatter or the linter complains; see the top. npm run format mends most of it.",
    );
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return lint !== 0 || failed > 0 || passed === 0 ? 1 : 0;
});
