/** Runs compiled test files as `npm test` and `npm run test:readers` do, and counts. */
import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { ROOT } from "./install.mjs";

/**
 * The compiled test files of the sources that exist; dist may hold some of deleted ones.
 * @param {(name: string) => boolean} wanted given a source's path from the root
 */
export function testFiles(wanted) {
  return readdirSync(join(ROOT, "test"), { recursive: true })
    .filter((name) => name.endsWith(".test.ts") && wanted(join("test", name)))
    .sort()
    .map((name) => join(ROOT, "dist/test", name.replace(/\.ts$/, ".js")))
    .filter((file) => existsSync(file));
}

/**
 * @param {string[]} files
 * @param {number} minutes that a file may take
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runTests(files, minutes = 10) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const isFile = ({ name, nesting }) =>
    nesting === 0 && files.includes(join(ROOT, relative(ROOT, name)));
  const count = (kind) => (event) => {
    if (event.details?.type === "suite") return;
    if (event.skip !== undefined || event.todo !== undefined) counts.skipped++;
    // A file that ran no test is reported as a test that passed; it shows nothing.
    else if (kind === "failed" || !isFile(event)) counts[kind]++;
  };
  const tests = run({ files, concurrency: 2, timeout: minutes * 60_000 })
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

/** The closing line. */
export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
