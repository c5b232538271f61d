/** Several processes train one run: the same losses as one, also when one of them is killed. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import {
  appears,
  assertAlike,
  bin,
  childrenOf,
  flags,
  launchTrain,
  losses,
  requireDone,
  type Started,
  skip,
  start,
  startRank,
  stateOf,
} from "./launched.js";

function launchTwo(logdir: string, name: string, restarts = 0): Started {
  return launchTrain(flags(logdir, name), { restarts });
}

test("two processes: the losses of one, to 6 digits; the same bits after a kill", {
  skip,
}, async (t: TestContext) => {
  const logdir = await temporaryFolder(t);
  await requireDone(start([bin("bit-train"), ...flags(logdir, "one")]));
  await requireDone(launchTwo(logdir, "two"));
  const expected = losses(join(logdir, "one"));
  const got = losses(join(logdir, "two"));
  assert.equal(got.length, 12);
  assertAlike(got, expected);

  const killed = launchTwo(logdir, "killed", 1);
  await appears(join(logdir, "killed", "checkpoints", "00000004"));
  process.kill(childrenOf(killed.child)[1]!, "SIGKILL");
  const text = await requireDone(killed);
  assert.match(text, /rank 1 ended by SIGKILL/);
  assert.match(text, /Starting all again from the last checkpoint \(1 of 1\)/);
  assert.match(text, /Resumed at step (4|8|12)/);
  assert.deepEqual(losses(join(logdir, "killed")), got);
  assert.equal(stateOf(join(logdir, "killed"), 12), stateOf(join(logdir, "two"), 12));

  // A terminal signals the whole group, `kill` the launcher alone.
  const stopped = join(logdir, "stopped");
  const stops = [
    { name: "SIGINT", exit: 130, group: true },
    { name: "SIGTERM", exit: 143, group: false },
  ] as const;
  for (const { name, exit, group } of stops) {
    const run = launchTwo(logdir, "stopped", 1);
    await Promise.race([run.stepped, run.ended]);
    process.kill(group ? -run.child.pid! : run.child.pid!, name);
    const { code, text } = await run.ended;
    assert.equal(code, exit, text);
    const [, steps] = /Stopped after (\d+) steps/.exec(text) ?? [];
    assert.ok(existsSync(join(stopped, "checkpoints", String(steps).padStart(8, "0"))), text);
    assert.doesNotMatch(text, /Starting all again|error:|ended/);
  }
  await requireDone(launchTwo(logdir, "stopped"));
  assert.deepEqual(losses(stopped), got);
  assert.equal(stateOf(stopped, 12), stateOf(join(logdir, "two"), 12));
});

test("one process is asked to stop: all stop with a checkpoint and its exit code, and nothing is lost", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const run = (name: string) => flags(logdir, name, { steps: "100000" });
  const saved = (name: string, text: string) => {
    const [, steps] = /Stopped after (\d+) steps/.exec(text) ?? [];
    assert.ok(existsSync(join(logdir, name, "checkpoints", String(steps).padStart(8, "0"))), text);
  };
  const [port] = await freePorts(1);
  const both = [0, 1].map((rank) => startRank({ rank, ranks: 2, port: port! }, run("stopped")));
  await Promise.race([both[0]!.stepped, both[0]!.ended]);
  both[1]!.child.kill("SIGTERM");
  const [first, second] = await Promise.all(both.map(({ ended }) => ended));
  assert.deepEqual([first!.code, second!.code], [143, 143], first!.text + second!.text);
  assert.match(first!.text, /Stopped after \d+ steps, as rank 1 was asked to \(SIGTERM\)/);
  assert.equal(second!.text, "");
  saved("stopped", first!.text);

  // By bit-launch it is no failure after which all are started again.
  const again = launchTrain(run("stopped"), { restarts: 1 });
  await Promise.race([again.stepped, again.ended]);
  process.kill(childrenOf(again.child)[1]!, "SIGINT");
  const { code, text } = await again.ended;
  assert.equal(code, 130, text);
  assert.match(text, /Resumed at step \d+/);
  assert.doesNotMatch(text, /Starting all again|error:|ended/);
  saved("stopped", text);

  const whole = launchTrain(run("whole"));
  const done = losses(join(logdir, "stopped"));
  await Promise.race([whole.stepped, whole.ended]);
  while (losses(join(logdir, "whole")).length < done.length) await sleep(100);
  whole.child.kill("SIGTERM");
  assert.equal((await whole.ended).code, 143);
  assert.deepEqual(done, losses(join(logdir, "whole")).slice(0, done.length));
});

test("a process with other settings is refused before the first step", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const [port] = await freePorts(1);
  const both = [0, 1].map((rank) => {
    const args = flags(logdir, "run", { seed: String(rank) });
    return startRank({ rank, ranks: 2, port: port! }, args);
  });
  for (const { ended } of both) {
    const { code, text } = await ended;
    assert.equal(code, 2, text);
    assert.match(
      text,
      /rank 1: it would train otherwise than rank 0: --seed is 1, that of rank 0 is 0\n/,
    );
  }
  assert.equal(existsSync(join(logdir, "run")), false);
});

test("a command in vain is not started again", async () => {
  const args = [
    "--nproc",
    "2",
    "--restarts",
    "3",
    "--",
    "bit-train",
    "--name",
    "x",
    "--model",
    "none",
  ];
  const { code, text } = await start([bin("bit-launch"), ...args]).ended;
  assert.equal(code, 2, text);
  assert.doesNotMatch(text, /Starting all again/);
});

test("who waits for a process that never came is told to end", { timeout: 60_000 }, async (t) => {
  // As a rank does that has not met the others: the other one waits for it, and is ended by SIGTERM; one that hears
  // the signal and ends with 143 was not stopped by a user.
  for (const heard of ["", "process.on('SIGTERM', () => process.exit(143));"]) {
    const waits = JSON.stringify(join(await temporaryFolder(t), "waits"));
    const program = `${heard}
      const fs = require("node:fs");
      const ended = () => process.env.RANK === "1" && fs.existsSync(${waits}) && process.exit(75);
      if (process.env.RANK === "0") fs.writeFileSync(${waits}, "");
      setInterval(ended, 50);`;
    const args = ["--nproc", "2", "--restarts", "1", "--", process.execPath, "-e", program];
    const { code, text } = await start([bin("bit-launch"), ...args]).ended;
    assert.equal(code, 75, text);
    assert.match(
      text,
      heard === "" ? /rank 0 ended by SIGTERM/ : /rank 0 ended with exit code 143/,
    );
    assert.match(text, /Starting all again/);
    assert.doesNotMatch(text, /SIGKILL/);
  }
});

test("what cannot be launched is said", async (t) => {
  const nameless = join(await temporaryFolder(t), "settings.yaml");
  await writeFile(nameless, "steps: 3\n");
  const train = ["bit-train", "--model", "sample-R14x0.5", "--dataset", "sample", "--batch", "8"];
  const twoMachines = ["--nproc", "5", "--nnodes", "2", "--rendezvous", "10.0.0.1:29400"];
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--nproc", "2"], /no command after --/],
    [["--nproc", "1000000000", "--", "true"], /--nproc 1000000000: more processes/],
    [["--nnodes", "1000000000", "--", "true"], /--nnodes 1000000000: 1000000000 processes in all/],
    [["--nnodes", "2", "--", "bit-train"], /--nnodes 2: without --rendezvous/],
    [["--nnodes", "2", "--node_rank", "2", "--", "bit-train"], /--node_rank 2/],
    [["--", "bit-train"], /^error: bit-train: Missing required argument: dataset\n/],
    [["--rendezvous", "here", "--", "bit-train"], /here: is no address/],
    [["--restarts", "1", "--", "bit-train", "--steps", "3"], /the run has no name/],
    [["--restarts", "1", "--", "bit-train", "--config", nameless], /the run has no name/],
    [["--restarts", "1", "--", "bit-train", `--config=${nameless}`], /the run has no name/],
    // The last one counts, as for bit-train.
    [
      ["--restarts", "1", "--", "bit-train", "--config=named.yaml", "--config", nameless],
      /the run has no name/,
    ],
    [["--nproc", "2", "--", "/no/such/program"], /ENOENT/],
    // Once, not by each process after it has loaded all it needs.
    [[...["--nproc", "16", "--"], ...train], /^error: --batch: 8 images .* by 16 processes[^[]*$/],
    [[...twoMachines, "--", ...train], /^error: --batch: 8 images .* by 10 processes[^[]*$/],
    [["--nproc", "2", "--", ...train, "--bach", "8"], /^error: [^[]*Unknown argument: bach[^[]*$/],
    [["--nproc", "2", "--", "bit-eval", "a run"], /would do all of it[\s\S]*npx bit-eval 'a run'/],
  ];
  for (const [args, message] of wrong) {
    const { code, text } = await start([bin("bit-launch"), ...args]).ended;
    assert.equal(code, 2, text);
    assert.match(text, message);
  }
});
