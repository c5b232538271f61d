/**
 * Runs of several processes, of which one is killed at random, or their launcher, again and again: they end as if nobody had
 * done that, to the bit. That all ranks hold the same bits each run compares at its end.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  childrenOf,
  flags,
  launchTrain,
  losses,
  requireDone,
  type Started,
  skip,
  stateOf,
} from "../cli/launched.js";
import { momentSeed, stepsIn, uniformNumbers } from "../cli/random-moments.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { report, thorough } from "./table.js";

const killsEach = 25;
const steps = 160;
const evalEvery = 8;
const settings = {
  ...{ steps: String(steps), save_every: "3", eval_every: String(evalEvery) },
  ...{ batch: "6", batch_split: "6", resolution: "20", crop: "16" },
};

/** How many rows a run has written, and the last of them. */
function rowsOf(run: string): { readonly count: number; readonly last: string } {
  const path = join(run, "metrics.jsonl");
  const rows = existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  return { count: rows.length, last: rows.at(-1) ?? "" };
}

function isSaving(run: string): boolean {
  const folder = join(run, "checkpoints");
  return existsSync(folder) && readdirSync(folder).some((name) => name.startsWith(".tmp-"));
}

/** The last row is of a step after which there is an evaluation. */
function isEvaluating(run: string): boolean {
  const [, step] = /"step":(\d+)/.exec(rowsOf(run).last) ?? [];
  return step !== undefined && (Number(step) + 1) % evalEvery === 0;
}

/** When a process is killed: each waits for its moment, or for the run's end. */
const moments = {
  "at any time of its start": async (_, __, uniform) => sleep(uniform(8000)),
  "among the steps": async (run, goesOn, uniform) => {
    const { count } = rowsOf(run);
    await until(() => rowsOf(run).count !== count, goesOn);
    await sleep(uniform(400));
  },
  "while it saves": async (run, goesOn, uniform) => {
    await sleep(uniform(6000));
    await until(() => isSaving(run), goesOn);
  },
  "while it evaluates": async (run, goesOn, uniform) => {
    await sleep(uniform(3000));
    await until(() => isEvaluating(run), goesOn);
    await sleep(uniform(300));
  },
} satisfies Record<
  string,
  (run: string, goesOn: () => boolean, uniform: (below: number) => number) => Promise<void>
>;

async function until(came: () => boolean, goesOn: () => boolean): Promise<void> {
  while (!came() && goesOn()) await sleep(1);
}

const names = Object.keys(moments) as (keyof typeof moments)[];

for (const processes of [2, 3])
  test(`${processes} processes, killed ${killsEach} times`, {
    skip: skip || (thorough ? false : "it takes minutes: npm run test:soak"),
    timeout: 3_600_000,
  }, async (t) => {
    const logdir = await temporaryFolder(t);
    const start = (name: string): Started =>
      launchTrain(flags(logdir, name, settings), { processes, restarts: 1000 });
    await requireDone(start("whole"));
    const uniform = uniformNumbers(momentSeed + processes);
    const counts: Record<string, number> = {};
    let killed = 0;
    let redone = 0;
    for (let runs = 0; killed < killsEach; runs++) {
      const name = `killed-${runs}`;
      const folder = join(logdir, name);
      let current = start(name);
      while (killed < killsEach) {
        const moment = names[Math.floor(uniform(names.length))]!;
        const goesOn = () => current.child.exitCode === null;
        await moments[moment](folder, goesOn, uniform);
        const ranks = childrenOf(current.child);
        if (!goesOn() || ranks.length < processes) {
          if (!goesOn()) break;
          continue;
        }
        // One in four is the launcher.
        const victim = Math.floor(uniform(4)) === 0 ? undefined : Math.floor(uniform(processes));
        const said = current.said().length;
        process.kill(victim === undefined ? current.child.pid! : ranks[victim]!, "SIGKILL");
        killed++;
        const what = `${victim === undefined ? "launcher" : `rank ${victim === 0 ? "0" : "> 0"}`} ${moment}`;
        counts[what] = (counts[what] ?? 0) + 1;
        if (victim === undefined) {
          await current.ended;
          current = start(name);
        } else await until(() => /Starting all again/.test(current.said().slice(said)), goesOn);
      }
      await requireDone(current);
      redone += (await stepsIn(join(folder, "train.log"))) - steps;
      assert.deepEqual(
        losses(folder),
        losses(join(logdir, "whole")),
        `BIT_KILL_SEED=${momentSeed}`,
      );
      const state = stateOf(folder, steps);
      assert.equal(state, stateOf(join(logdir, "whole"), steps), `BIT_KILL_SEED=${momentSeed}`);
    }
    t.diagnostic(`seed ${momentSeed}: ${JSON.stringify(counts)}, ${redone} steps done again`);
    report({ faultsTried: killed, faultsSurvived: killed, stepsLost: redone });
  });
