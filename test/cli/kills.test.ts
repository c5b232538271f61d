/** `bit-train`, killed at random times: it goes on each time, and ends as if nobody had killed it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { curveOf, readEvents } from "../record/event-reader.js";
import { report, thorough } from "../soak/table.js";
import { runBin } from "./command.js";
import {
  endedAsWhole,
  env,
  killAfter,
  killAfterSteps,
  momentSeed,
  runUninterrupted,
  stepsIn,
  uniformNumbers,
} from "./random-moments.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const kills = thorough ? 50 : 5;
const steps = 8 * kills;
const saveEvery = 3;

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
  const startMs = await runUninterrupted(flags, logs);

  const uniform = uniformNumbers(momentSeed);
  const run = join(logs, "killed");
  const args = [...flags, "--name", "killed"];
  let killed = 0;
  while (killed < kills) {
    const { code, stderr } = await runBin("bit-train", args, {
      env,
      // In turn among the steps and at any time since the start: while it loads, locks, rewinds.
      started: ({ pid }) =>
        void (killed % 2 === 0
          ? killAfterSteps(pid!, join(run, "metrics.jsonl"), uniform(500))
          : killAfter(pid!, uniform(1.2 * startMs))),
    });
    // A process may be done before its time has come.
    if (code !== null) break;
    assert.equal(stderr, "");
    killed++;
  }
  const last = await runBin("bit-train", args, { env });
  assert.equal(last.code, 0, last.stderr);
  const redone = (await stepsIn(join(run, "train.log"))) - steps;
  await endedAsWhole(logs, "killed");
  // TensorBoard's file is whole, and has each step once.
  const curve = curveOf(await readEvents(run), "train/loss");
  assert.deepEqual(
    curve.map(([step]) => step),
    Array.from({ length: steps }, (_, i) => i),
  );
  t.diagnostic(
    `seed ${momentSeed}: killed ${killed} times, ${redone} steps of ${steps} done again`,
  );
  assert.ok(killed >= kills / 2, `killed ${killed} times`);
  report({ faultsTried: killed, faultsSurvived: killed, stepsLost: redone });
});
