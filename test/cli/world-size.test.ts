/** Other numbers of processes: the same examples, and nothing but rounding between them; and what lies in other ranks' folders. */
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import {
  assertAlike,
  bin,
  contentsOf,
  flags,
  launchTrain,
  losses,
  requireDone,
  skip,
  start,
  startRank,
  stateOf,
} from "./launched.js";

const steps = 8;
const settings = { steps: String(steps), batch: "12", batch_split: "6" };

/** A run that has ended, as it was after 4 steps. */
function copyOfHalf(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  for (const name of ["checkpoints/00000008", "best.npz", "checkpoint.npz", "result.json"])
    rmSync(join(to, name), { recursive: true });
}

test("1, 2 and 3 processes train alike; a run goes on with others only by --force", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const args = (name: string) => flags(logdir, name, settings);
  const folder = (name: string) => join(logdir, name);
  await requireDone(start([bin("bit-train"), ...args("one")]));
  await requireDone(launchTrain(args("two")));
  await requireDone(launchTrain(args("three"), { processes: 3 }));
  const expected = losses(folder("one"));
  assert.equal(expected.length, steps);
  for (const name of ["two", "three"]) assertAlike(losses(folder(name)), expected);

  copyOfHalf(folder("two"), folder("half"));
  const before = contentsOf(folder("half"));
  const refused = [
    { run: launchTrain(args("half"), { processes: 3 }), now: "3" },
    { run: start([bin("bit-train"), ...args("half")]), now: "1" },
  ];
  for (const { run, now } of refused) {
    const { code, text } = await run.ended;
    assert.equal(code, 2, text);
    const why = `holds a run with other settings: the number of processes was 2, is now ${now}[\\s\\S]*--force goes on`;
    assert.match(text, new RegExp(why));
  }
  assert.deepEqual(contentsOf(folder("half")), before);

  const forced = launchTrain([...args("half"), "--force"], { processes: 3 });
  const text = await requireDone(forced);
  assert.match(text, /Going on all the same \(--force\): the number of processes was 2, is now 3/);
  assert.match(text, /Resumed at step 4/);
  assertAlike(losses(folder("half")), expected);
});

test("what lies in another rank's folder counts for nothing: rank 0 tells the step and the state", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  await requireDone(launchTrain(flags(logdir, "run", settings)));
  await requireDone(launchTrain(flags(join(logdir, "seed1"), "run", { ...settings, seed: "1" })));
  const [own, others] = [join(logdir, "own"), join(logdir, "others")];
  copyOfHalf(join(logdir, "run"), join(own, "run"));
  // Further on than rank 0, with other weights, under the settings of this run.
  cpSync(join(logdir, "seed1", "run"), join(others, "run"), { recursive: true });
  cpSync(join(logdir, "run", "config.json"), join(others, "run", "config.json"));
  const before = contentsOf(others);
  const [port] = await freePorts(1);
  const both = [own, others].map((where, rank) =>
    startRank({ rank, ranks: 2, port: port! }, flags(where, "run", settings)),
  );
  for (const one of both) await requireDone(one);
  assert.match(both[0]!.said(), /Resumed at step 4/);
  assert.equal(stateOf(join(own, "run"), steps), stateOf(join(logdir, "run"), steps));
  assert.deepEqual(losses(join(own, "run")), losses(join(logdir, "run")));
  assert.deepEqual(contentsOf(others), before);
});
