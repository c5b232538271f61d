/** A plugin's client that several processes open together: what they leave for each other goes through all layers. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { requireEngine } from "../../../src/engine/installed.js";
import { packageRoot } from "../../../src/package-root.js";
import { findCompiler } from "../../../src/setup/tools.js";
import { freePorts } from "../../free-ports.js";

const script = fileURLToPath(new URL("together-trial.js", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "bit-together-"));
after(() => rm(folder, { recursive: true, force: true }));

const plugin = join(folder, "fake.so");
const [compiler, ...leading] = await findCompiler();
execFileSync(compiler, [
  ...[...leading, "-std=c++17", "-shared", "-fPIC", "-pthread"],
  `-I${join(requireEngine().folder, "include")}`,
  ...[join(packageRoot, "test/engine/pjrt/fake-cluster-plugin.cc"), "-o", plugin],
]);

interface Ended {
  readonly told: readonly Record<string, unknown>[];
  readonly code: unknown;
  readonly signal: unknown;
}

/** What all the processes say, and how they end. */
async function run(trial: string, ranks: number): Promise<Ended[]> {
  const [port] = await freePorts(1);
  return Promise.all(
    Array.from({ length: ranks }, async (_, rank): Promise<Ended> => {
      const args = [script, ...[rank, ranks, port].map(String), plugin];
      const env = { ...process.env, TRIAL: trial };
      const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      const [code, signal] = (await once(child, "close")) as [unknown, unknown];
      const lines = text.split("\n").filter((line) => line !== "");
      return { told: lines.map((line) => JSON.parse(line)), code, signal };
    }),
  );
}

test("three processes are each other's nodes, and have their own devices", async () => {
  const all = await run("whole", 3);
  for (const [rank, { told, code }] of all.entries()) {
    assert.equal(code, 0);
    // Every byte of each process's value has come to the first one.
    const devices = [0, 1].map((i) => ({ id: 2 * rank + i, kind: "wholewholewhole" }));
    assert.deepEqual(told, [
      { process: rank, devices },
      { afterwards: "the processes have parted" },
    ]);
  }
});

test("what nobody puts within the plugin's time is an error that says so", async () => {
  const [first] = await run("late", 2);
  assert.equal(first!.told[0]!["code"], "DEADLINE_EXCEEDED");
  assert.match(String(first!.told[0]!["message"]), /get node\/1: no answer within 300 ms/);
  assert.equal(first!.code, 75);
});

test("a process that is gone ends the wait of the others", async () => {
  const begun = performance.now();
  const [first, second] = await run("lost", 2);
  assert.equal(second!.signal, "SIGKILL");
  assert.equal(first!.told[0]!["code"], "UNAVAILABLE");
  assert.match(String(first!.told[0]!["message"]), /rank 1 has ended/);
  assert.equal(first!.code, 75);
  // The plugin would wait for a minute.
  assert.ok(performance.now() - begun < 40_000);
});

test("a process ends at once while its plugin waits", async () => {
  const [first] = await run("exit", 2);
  assert.equal(first!.code, 3);
  assert.deepEqual(first!.told, []);
});
