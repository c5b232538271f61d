/** --max_minutes: the steps that fit, the schedule scaled to them, and a run that keeps them. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dryRun } from "../../src/run/dry-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { limited } from "../../src/run/time-limit.js";
import { bitTrain, runHere } from "../cli/command.js";
import { tinyFlags, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { settings } from "./tiny-training.js";

const config = {
  ...{ ...settings, data: { labels: "", images: "" } },
  schedule: [100, 200, 300, 400, 500],
};
const measured = { stepMs: 1000, steps: 3, evaluationMs: 4000 };

test("as many steps as fit nine tenths of the time, evaluations among them", () => {
  const { config: fitting, line } = limited(config, measured, 2);
  // 108 s: 104 steps, and the evaluation at the end.
  assert.deepEqual(fitting.schedule, [21, 42, 62, 83, 104]);
  assert.equal(
    line,
    "104 of the recipe's 500 steps fit 2 minutes, by 3 timed steps (--max_minutes)",
  );
  // Every ten steps 4 s more: 77 steps take 77 s + 7 * 4 s, and the last evaluation comes to 109.
  const often = limited({ ...config, evalEvery: 10 }, measured, 2);
  assert.equal(often.config.schedule.at(-1), 76);
});

test("never more than the recipe's steps, and at least one", () => {
  const { config: whole, line } = limited(config, measured, 60);
  assert.deepEqual(whole, config);
  assert.match(line, /^all 500 steps of the recipe fit 60 minutes/);
  assert.equal(limited(config, { ...measured, stepMs: 49_000 }, 1).config.schedule.at(-1), 1);
  assert.throws(
    () => limited(config, { ...measured, stepMs: 51_000 }, 1),
    /--max_minutes 1: a step takes 51 s[\s\S]*smaller images \(--resolution below \d+\)/,
  );
  assert.throws(
    () => limited(config, { ...measured, stepMs: 41, evaluationMs: 20 }, 0.001),
    /a step takes 0\.041 s, and with the evaluation 0\.061 s/,
  );
});

test("a run is timed once: it goes on with its steps, under the same limit only", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const options: FineTuneOptions = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset, logdir: join(root, "logs") },
    ...{ batch: 8, resolution: 40, crop: 32, precision: "fp32", maxMinutes: 0.1, report: false },
  };
  const planned = await dryRun(options, engine);
  assert.match(planned.limit!, / fit 0\.1 minutes, by 3 timed steps/);
  assert.ok(planned.lines.includes(planned.limit!));
  const steps: number[] = [];
  let done = 0;
  const observer = {
    event: (event: { readonly type: string; readonly totalSteps?: number }) => {
      if (event.type !== "step") return;
      steps.push(event.totalSteps!);
      done++;
    },
    interrupted: () => done === 1,
  };
  const begun = await fineTune(options, engine, observer);
  const total = begun.config.schedule.at(-1)!;
  assert.ok(total >= 1 && total <= 1000, String(total));
  const ended = await fineTune(options, engine, { event: observer.event });
  assert.deepEqual(ended.config.schedule, begun.config.schedule);
  assert.equal(ended.steps, total);
  assert.deepEqual(steps, Array(total).fill(total));
  assert.equal((await dryRun(options, engine)).limit, undefined);
  await assert.rejects(fineTune({ ...options, maxMinutes: 0.2 }, engine), /--max_minutes was 0\.1/);
});

test("a run without a checkpoint begins anew, and is timed anew: its settings may be others", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const options: FineTuneOptions = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset, logdir: join(root, "logs") },
    ...{ batch: 8, resolution: 40, crop: 32, precision: "fp32", report: false },
    ...{ save: false, steps: 3 },
  };
  // As a kill before the first checkpoint leaves it.
  const { folder } = await fineTune(options, engine, { interrupted: () => true });
  const config = { ...JSON.parse(await readFile(folder.config, "utf8")), maxMinutes: 0.05 };
  await writeFile(folder.config, JSON.stringify(config));
  const { steps: _, ...limitedOptions } = { ...options, batch: 4, maxMinutes: 0.05 };
  const planned = await dryRun(limitedOptions, engine);
  assert.match(planned.limit ?? "", / fit 0\.05 minutes, by 3 timed steps/);
  const notes: string[] = [];
  await fineTune(limitedOptions, engine, {
    event: (event) => event.type === "note" && notes.push(event.text),
    interrupted: () => true,
  });
  assert.match(notes.join("\n"), / fit 0\.05 minutes, by 3 timed steps/);
});

test("contradictions are refused", async (t) => {
  const root = await temporaryFolder(t);
  const flags = [
    ...tinyFlags(await writeTinyFolder(root), join(root, "logs")),
    "--max_minutes",
    "1",
  ];
  for (const [more, what] of [
    [["--steps", "5"], /^error: --max_minutes 1: and 5 steps by --steps/m],
    [["--epochs", "2"], /^error: --max_minutes 1: and 2 epochs by --epochs/m],
    [["--seeds", "2"], /^error: --max_minutes: with --seeds each run/m],
  ] as const) {
    const { code, stderr } = await runHere(bitTrain, [...flags, ...more]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, what);
  }
});
