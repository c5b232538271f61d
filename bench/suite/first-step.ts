/** How long a user waits from typing `bit-train` to the end of the first step. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { flagWords, start } from "./child.js";
import type { Outcome } from "./report.js";

export interface FirstStepTask {
  /** bin/bit-train.js */
  readonly script: string;
  readonly model: string;
  readonly archive: string;
  /** Where the CIFAR-10 lies that is trained on. */
  readonly datadir: string;
  readonly batch: number;
  readonly resizeTo: number;
  readonly crop: number;
}

/**
 * Starts a real run and takes the time at which the run itself says that its first step was done.
 * The run is then killed.
 * @throws Error where the run fails before
 */
export async function timeFirstStep(task: FirstStepTask): Promise<Outcome> {
  const { script, model, archive, datadir, batch, resizeTo, crop } = task;
  const logdir = await mkdtemp(join(tmpdir(), "bit-train-bench-"));
  const flags = {
    ...{ model, datadir, batch, logdir, crop, dataset: "cifar10", weights: archive },
    ...{ resolution: resizeTo, name: "first-step", batch_split: 1, steps: 1 },
  };
  const begun = Date.now();
  const { child, ended } = start({
    program: process.execPath,
    args: [script, ...flagWords(flags), "--no-save"],
    folder: logdir,
  });
  try {
    let finished: number | undefined;
    const metrics = join(logdir, "first-step", "metrics.jsonl");
    const dead = ended.then(() => true);
    do finished ??= await firstTime(metrics);
    while (finished === undefined && !(await Promise.race([dead, sleep(50, false)])));
    // It may have ended between the last look and now.
    finished ??= await firstTime(metrics);
    child.kill("SIGKILL");
    const { stderr } = await ended;
    if (finished === undefined)
      throw new Error(`bit-train ended before its first step:\n${stderr}`);
    return { steps_ms: [finished - begun], batch: 1 };
  } finally {
    child.kill("SIGKILL");
    await rm(logdir, { recursive: true, force: true });
  }
}

/** The `time` of a run's first step, in milliseconds since 1970; undefined before it is written. */
async function firstTime(metrics: string): Promise<number | undefined> {
  const text = await readFile(metrics, "utf8").catch(() => "");
  const end = text.indexOf("\n");
  if (end === -1) return undefined;
  const { time } = JSON.parse(text.slice(0, end)) as { time: string };
  return Date.parse(time);
}
