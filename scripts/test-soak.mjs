/**
 * `npm run test:soak`: no work lost, tried at length: every fault at every point of saving, 50 kills of one and 50 of several processes,
 * 50 pipelines that a signal ends, 2,000 steps, stops at every step. Ends with a table of what was tried and what came of it.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, ROOT, runScript } from "./install.mjs";

const tests = [
  "run/save-faults",
  "run/resume",
  "run/memory-growth",
  "cli/kills",
  "cli/dying-pipes",
];

await runScript(async () => {
  await install();
  const soak = readdirSync(join(ROOT, "test/soak")).filter((name) => name.endsWith(".test.ts"));
  const files = [...tests, ...soak.map((name) => `soak/${name.replace(/\.test\.ts$/, "")}`)];
  const folder = mkdtempSync(join(tmpdir(), "bit-soak-"));
  try {
    const report = join(folder, "report.jsonl");
    writeFileSync(report, "");
    const code = await runTests(
      files.map((name) => join(ROOT, `dist/test/${name}.test.js`)),
      { BIT_SOAK_REPORT: report },
    );
    const { soakTable } = await import(join(ROOT, "dist/test/soak/table.js"));
    console.log(`\n${soakTable(readFileSync(report, "utf8"))}`);
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** @returns {Promise<number>} */
function runTests(files, env) {
  const args = ["--test", "--test-reporter=spec", "--test-concurrency=2", ...files];
  const child = spawn(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return new Promise((resolve) => child.on("exit", (code) => resolve(code ?? 1)));
}
