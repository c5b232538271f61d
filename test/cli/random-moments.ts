/** For tests that end runs at random moments: when to, and what became of the steps. */
import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keyedGenerator, randomStream } from "../../src/recipe/keyed-random.js";
import { runBin } from "./command.js";

/** For every such run: a GPU's kernels do not add in the same order each time. */
export const env = { CUDA_VISIBLE_DEVICES: "" };

/** Where the moments come from: `BIT_KILL_SEED`, or the clock. */
export const momentSeed = Number(process.env["BIT_KILL_SEED"] ?? Date.now() % 1e6);

/** Draws numbers from 0 to below a bound. */
export function uniformNumbers(seed: number): (below: number) => number {
  const random = keyedGenerator(randomStream.initialization, seed, 0, 0);
  return (below) => ((random.next() >>> 0) / 2 ** 32) * below;
}

/** Waits until a process has written the record of a step. Throws where it has ended by itself. */
export async function recorded(pid: number, metrics: string): Promise<void> {
  const size = () =>
    stat(metrics).then(
      ({ size }) => size,
      () => 0,
    );
  const before = await size();
  for (let seen = before; seen <= before; seen = await size()) {
    process.kill(pid, 0);
    await sleep(5);
  }
}

/** Kills a process so long after it has written the record of a step. */
export async function killAfterSteps(pid: number, metrics: string, delayMs: number): Promise<void> {
  await recorded(pid, metrics).then(
    () => killAfter(pid, delayMs),
    () => undefined,
  );
}

/** Kills a process so long from now, unless it has ended by itself. */
export async function killAfter(pid: number, delayMs: number): Promise<void> {
  await sleep(delayMs);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** Makes the run `whole`, which nothing ends. Returns how many ms passed until its first record. */
export async function runUninterrupted(flags: readonly string[], logs: string): Promise<number> {
  let startMs = 0;
  const { code, stderr } = await runBin("bit-train", [...flags, "--name", "whole"], {
    env,
    started: (child) => {
      const begun = performance.now();
      const end = () => {
        startMs = performance.now() - begun;
      };
      void recorded(child.pid!, join(logs, "whole", "metrics.jsonl")).then(end, end);
    },
  });
  assert.equal(code, 0, stderr);
  return startMs;
}

/** The steps that a run's log tells of, those included that were done again. */
export async function stepsIn(log: string): Promise<number> {
  return (await readFile(log, "utf8")).match(/\[step \d+\]: loss/g)?.length ?? 0;
}

/** What a run has come to, but for the time it took. */
async function resultOf(path: string): Promise<unknown> {
  const { seconds, ...rest } = JSON.parse(await readFile(path, "utf8"));
  return rest;
}

/** Asserts that a run has come to what the run `whole` has: the same weights, the same result. */
export async function endedAsWhole(logs: string, name: string): Promise<void> {
  const both = ["whole", name];
  const [a, b] = both.map((run) => readFile(join(logs, run, "checkpoint.npz")));
  assert.ok((await a!).equals(await b!), `the weights differ (BIT_KILL_SEED=${momentSeed})`);
  const [expected, result] = await Promise.all(
    both.map((run) => resultOf(join(logs, run, "result.json"))),
  );
  assert.deepEqual(result, expected);
}
