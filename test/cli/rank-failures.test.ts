/** A process of several is killed or frozen, or their launcher is: the others end, and the run goes on. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../src/disk/lock-owner.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import {
  childrenOf,
  contentsOf,
  flags,
  launchTrain,
  type Started,
  skip,
  startRank,
} from "./launched.js";
import { momentSeed, uniformNumbers } from "./random-moments.js";

// Steps without end; evaluations and checkpoints among them.
const endless = { steps: "100000", eval_every: "3", save_every: "2" };

async function startBoth(logdir: string): Promise<[Started, Started]> {
  const [port] = await freePorts(1);
  const all = [0, 1].map((rank) =>
    startRank({ rank, ranks: 2, port: port! }, flags(logdir, "run", endless)),
  );
  await Promise.race([all[0]!.stepped, all[0]!.ended]);
  return [all[0]!, all[1]!];
}

/** Waits until a run that was started again has made a step; milliseconds of `performance.now`. */
async function steppedAgain({ said, child }: Started): Promise<number> {
  const again = /Starting all again[\s\S]*\[step \d+\]: loss/;
  while (!again.test(said()) && child.exitCode === null) await sleep(20);
  assert.match(said(), again);
  return performance.now();
}

// The bounds are ten times what is promised, or leave as long again, for a busy machine.
for (const victim of [0, 1])
  test(`rank ${victim} is killed: the other ends within a second`, { skip }, async (t) => {
    const logdir = await temporaryFolder(t);
    const both = await startBoth(logdir);
    await sleep(uniformNumbers(momentSeed + victim)(1500));
    const begun = performance.now();
    both[victim]!.child.kill("SIGKILL");
    const { code, text, ms } = await both[1 - victim]!.ended;
    assert.equal(code, 75, text);
    assert.match(text, new RegExp(`rank ${victim} has ended; rank ${1 - victim} ends too`));
    assert.ok(ms - begun < 10_000, `${ms - begun} ms`);
  });

for (const victim of [0, 1])
  test(`rank ${victim} is frozen: the other ends within 10 s, and it when it wakes`, {
    skip,
  }, async (t) => {
    const logdir = await temporaryFolder(t);
    const both = await startBoth(logdir);
    const [frozen, other] = [both[victim]!, both[1 - victim]!];
    await sleep(uniformNumbers(momentSeed + victim)(1500));
    const begun = performance.now();
    frozen.child.kill("SIGSTOP");
    const { code, text, ms } = await other.ended;
    assert.equal(code, 75, text);
    assert.match(text, new RegExp(`rank ${victim} has not been heard of for \\d+ s`));
    assert.ok(ms - begun < 20_000, `${ms - begun} ms`);

    const before = contentsOf(join(logdir, "run"));
    frozen.child.kill("SIGCONT");
    const woken = await frozen.ended;
    assert.equal(woken.code, 75, woken.text);
    assert.match(woken.text, new RegExp(`rank ${victim} has stood still for more than 5 s`));
    assert.deepEqual(contentsOf(join(logdir, "run")), before);
  });

test("a run whose process is killed makes its next step soon", { skip }, async (t) => {
  const run = launchTrain(flags(await temporaryFolder(t), "run", endless), { restarts: 1 });
  await Promise.race([run.stepped, run.ended]);
  const begun = performance.now();
  process.kill(childrenOf(run.child)[1]!, "SIGKILL");
  const elapsedMs = (await steppedAgain(run)) - begun;
  t.diagnostic(`${Math.round(elapsedMs)} ms from the kill to the next step`);
  assert.ok(elapsedMs < 150_000, `${elapsedMs} ms`);
  run.child.kill("SIGTERM");
  assert.equal((await run.ended).code, 143);
});

test("processes do not outlive their launcher, and the command goes on with the run", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const run = launchTrain(flags(logdir, "run", endless));
  await Promise.race([run.stepped, run.ended]);
  const children = childrenOf(run.child);
  assert.equal(children.length, 2);
  run.child.kill("SIGKILL");
  // Its output ends when all that have it have ended.
  const { text } = await run.ended;
  assert.match(text, /bit-launch \(process \d+\), which started this process, has ended/);
  for (const pid of children) assert.equal(isAlive({ pid, started: null }), false);
  const again = launchTrain(flags(logdir, "run", endless));
  await Promise.race([again.stepped, again.ended]);
  assert.match(again.said(), /Resumed at step|step 0/);
  again.child.kill("SIGTERM");
  assert.equal((await again.ended).code, 143);
});
