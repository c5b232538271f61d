/** `bit-train`, killed at random times: it goes on each time, and ends as if nobody had killed it. */
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { keyedGenerator, randomStream } from "../../src/recipe/keyed-random.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { report, thorough } from "../soak/table.js";
import { runBin } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const kills = thorough ? 50 : 5;
const steps = 8 * kills;
const saveEvery = 3;
// A GPU's kernels do not add in the same order each time.
const env = { CUDA_VISIBLE_DEVICES: "" };

test(`${kills} times SIGKILL`, { timeout: 60_000 * kills }, async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const logs = join(root, "logs");
  const schedule = [
    "--steps",
    String(steps),
    "--eval_every",
    "10",
    "--save_every",
    String(saveEvery),
  ];
  const flags = [...tinyFlags(images, logs), ...schedule];
  const whole = await runBin("bit-train", [...flags, "--name", "whole"], { env });
  assert.equal(whole.code, 0, whole.stderr);

  const seed = Number(process.env["BIT_KILL_SEED"] ?? Date.now() % 1e6);
  const random = keyedGenerator(randomStream.initialization, seed, 0, 0);
  const uniform = (below: number) => ((random.next() >>> 0) / 2 ** 32) * below;
  const metrics = join(logs, "killed", "metrics.jsonl");
  const args = [...flags, "--name", "killed"];
  let killed = 0;
  let redone = 0;
  let done = 0;
  while (killed < kills) {
    const { code, stdout, stderr } = await runBin("bit-train", args, {
      env,
      started: (child) => void killAfterSteps(child.pid!, metrics, uniform(500)),
    });
    // A process may be done before its time has come.
    if (code !== null) break;
    assert.equal(stderr, "");
    const resumedAt = Number(/Resumed at step (\d+)/.exec(stdout)?.[1] ?? 0);
    redone += Math.max(0, done - resumedAt);
    done = await lastStep(metrics);
    killed++;
  }
  const last = await runBin("bit-train", args, { env });
  assert.equal(last.code, 0, last.stderr);
  const [a, b] = ["whole", "killed"].map((name) => readFile(join(logs, name, "checkpoint.npz")));
  assert.ok((await a!).equals(await b!), `the weights differ (BIT_KILL_SEED=${seed})`);
  const results = ["whole", "killed"].map((name) =>
    readFile(join(logs, name, "result.json"), "utf8"),
  );
  const [expected, result] = (await Promise.all(results)).map((text) => {
    const { seconds, ...rest } = JSON.parse(text);
    return rest;
  });
  assert.deepEqual(result, expected);
  t.diagnostic(`seed ${seed}: killed ${killed} times, ${redone} steps of ${steps} done again`);
  assert.ok(killed >= kills / 2, `killed ${killed} times`);
  report({ faultsTried: killed, faultsSurvived: killed, stepsLost: redone });
});

/** Kills a process so long after it has written the record of a step. */
async function killAfterSteps(pid: number, metrics: string, delayMs: number): Promise<void> {
  const size = () =>
    stat(metrics).then(
      ({ size }) => size,
      () => 0,
    );
  const before = await size();
  try {
    for (let seen = before; seen <= before; seen = await size()) {
      process.kill(pid, 0);
      await sleep(5);
    }
    await sleep(delayMs);
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

async function lastStep(metrics: string): Promise<number> {
  const text = await readFile(metrics, "utf8").catch(() => "");
  const found = [...text.matchAll(/"step":(\d+)/g)].at(-1);
  return found === undefined ? 0 : Number(found[1]) + 1;
}
