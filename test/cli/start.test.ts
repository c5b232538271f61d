/** What a process must be fit for before a command is loaded. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { requireOpenFiles } from "../../src/cli/start.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";

test("few open files are told as such, not as modules that are missing", async () => {
  for (const name of ["bit-eval", "bit-train", "bit-predict", "bit-data"]) {
    const script = join(repositoryRoot, "bin", `${name}.js`);
    const command = 'ulimit -n 64; exec "$@"';
    const ran = promisify(execFile)("sh", [
      "-c",
      command,
      "sh",
      process.execPath,
      script,
      "--help",
    ]);
    await assert.rejects(ran, (error: Error & { code?: number; stderr?: string }) => {
      assert.equal(error.code, 2, error.stderr);
      assert.match(error.stderr!, /^error: limit of open files: 64 \(ulimit -n\)\n/);
      return true;
    });
  }
});

test("as many as are needed are enough, and where nobody says, that is no fault", () => {
  for (const limit of [256, 1024, undefined]) assert.doesNotThrow(() => requireOpenFiles(limit));
  assert.throws(() => requireOpenFiles(255), /ulimit -n 1024/);
});

test("help and completion load yargs and nothing larger", () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  // What compiled files import at once; `import()` waits for the command that needs it.
  const visit = (url: URL) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const text = readFileSync(url, "utf8");
    for (const [, name] of text.matchAll(/^(?:import|export)\b[^;"(=]*"([^"]+)";/gm)) {
      if (name!.startsWith(".")) visit(new URL(name!, url));
      else if (!name!.startsWith("node:")) packages.add(name!);
    }
  };
  for (const script of ["start", "run-command", "completion"])
    visit(new URL(`../../src/cli/${script}.js`, import.meta.url));
  assert.ok(seen.size > 20, `${seen.size} files`);
  assert.deepEqual([...packages], ["yargs"]);
});

test("a current folder that was removed is told as such", async (t) => {
  const folder = join(await temporaryFolder(t), "gone");
  await mkdir(folder);
  const script = join(repositoryRoot, "bin", "bit-train.js");
  const command = 'rmdir "$1"; shift; exec "$@"';
  const args = ["-c", command, "sh", folder, process.execPath, script, "runs"];
  const ran = promisify(execFile)("sh", args, { cwd: folder });
  await assert.rejects(ran, (error: Error & { code?: number; stderr?: string }) => {
    assert.equal(error.code, 2, error.stderr);
    assert.match(error.stderr!, /^error: current folder: it was removed\n {2}expected: /);
    return true;
  });
});
