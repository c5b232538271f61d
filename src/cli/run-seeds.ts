/** Several runs under the same settings, one after the other, and what they come to together. */

import { basename } from "node:path";
import { counted } from "../counted.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { percentText } from "../evaluators/evaluator.js";
import type { FineTuneResult } from "../record/run-events.js";
import { runFolder } from "../record/run-folder.js";
import { describeResult } from "../record/run-lines.js";
import {
  type SeedResult,
  type SeedsSummary,
  seedRunFolders,
  seedsFiles,
  summaryOf,
  writeSeeds,
} from "../record/seeds-file.js";
import { announceNext } from "../run/next-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { reportRuns } from "../run/report-run.js";
import { finishedRuns, type SeedRun, type SeedWishes, seedRuns } from "../run/seed-runs.js";
import { inColumns } from "./columns.js";
import { printEvent } from "./json-lines.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";
import { type RunWishes, runFineTune } from "./run-fine-tune.js";
import { unlessStopped } from "./stopping-all.js";

/** How they are made: as one is. */
type SeedsOptions = Pick<RunWishes, "json" | "goOn" | "stopAfter" | "joint">;

/** How several runs ended. */
export interface SeedsEnd {
  readonly summary: SeedsSummary;
  /** The exit code: 0, or that of a stop. */
  readonly exit: number;
}

/**
 * Makes the runs that are not done yet, keeps their summary beside them, and prints it. A run that fails
 * once it has begun does not keep the others from being made.
 * @throws UserError where the input is at fault; and, once all else is done, where runs have failed
 */
export async function runSeeds(
  wishes: FineTuneOptions,
  several: SeedWishes,
  { json = false, goOn, stopAfter, joint }: SeedsOptions = {},
): Promise<SeedsEnd> {
  const say = (text: string) => (json ? output.note(text) : output.line(text));
  const { name, logdir, runs, lines } = await seedRuns(wishes, several);
  for (const line of lines) say(line);
  const engine = joint?.engine ?? openEngine(wishes.device);
  // What keeps a run from going on is told before hours go into another one.
  const done = await unlessStopped(joint, () => finishedRuns(runs, engine, joint));
  const files = seedsFiles(logdir, name);
  const others = await othersIn(files.summary, runs);
  if (others.length > 0)
    say(`${files.summary} told of ${others.join(", ")}, too: they stay, and count no more`);
  const failed = new Map<SeedRun, string>();
  const summary = () =>
    summaryOf({
      name,
      runs: runs.flatMap((run) => done.get(run) ?? []),
      failed: [...failed].map(([run, error]) => ({ name: run.name, error })),
      left: runs.filter((run) => !done.has(run) && !failed.has(run)).map((run) => run.name),
    });
  const again =
    goOn ?? `the same command${wishes.name === undefined ? ` with --name ${name}` : ""}`;
  for (const [i, run] of runs.entries()) {
    const which = `Run ${i + 1} of ${runs.length}, seed ${run.seed} (${run.name})`;
    const before = done.get(run);
    say(before === undefined ? `\n${which}` : `${which} is done: ${describeResult(before)}`);
    if (before !== undefined) continue;
    if (joint !== undefined) await announceNext(joint.group, { run: i });
    let begun = false;
    try {
      const { result, exit, stop } = await runFineTune(run.options, {
        ...{ json, engine, stopAfter, joint, goOn: again },
        follow: ({ type }) => {
          begun ||= type === "start";
        },
      });
      const own = result && resultOf(run, result);
      const isPaused = stopAfter !== undefined && result?.steps === stopAfter;
      if (own !== undefined) done.set(run, own);
      // Within the report of a run that is done: then the other processes do not know that no other follows.
      const stopped = own && summary().left.length > 0 ? stop : undefined;
      if (stopped !== undefined && joint !== undefined)
        await announceNext(joint.group, { exit: stopped });
      if (stopped !== undefined || (own === undefined && !isPaused)) {
        if (done.size > 0) await writeSeeds(files.summary, summary());
        say(`${done.size} of ${runs.length} runs are done.`);
        return { summary: summary(), exit: stopped ?? exit };
      }
    } catch (error) {
      // Of input that is at fault the next run would say the same; other processes have ended with this one.
      const isInput = !begun && done.size + failed.size === 0;
      if (joint !== undefined || isInput || !(error instanceof UserError)) throw error;
      failed.set(run, error.message);
      output.note(`${run.name} has failed: ${error.message}`);
    }
    await writeSeeds(files.summary, summary());
  }
  if (joint !== undefined) await announceNext(joint.group, { exit: 0 });
  const all = summary();
  await writeSeeds(files.summary, all);
  if (all.runs.length > 0) say(`\n${table(all)}\nIn ${files.summary}`);
  if (all.runs.length > 1 && wishes.report !== false)
    say(await comparison(all, logdir, files.comparison, () => engine));
  if (json) printEvent({ type: "seeds", path: files.summary, ...all });
  if (failed.size > 0) throw haveFailed(all, again);
  return { summary: all, exit: 0 };
}

/** Names of the runs of which an earlier summary tells, and which are none of these. */
async function othersIn(path: string, runs: readonly SeedRun[]): Promise<string[]> {
  if (!(await exists(path))) return [];
  const folders = await seedRunFolders(path).catch((error: unknown) => {
    // A damaged one is written anew.
    if (error instanceof UserError) return [];
    throw error;
  });
  const own = new Set(runs.map(({ name }) => name));
  return folders.map((folder) => basename(folder)).filter((name) => !own.has(name));
}

/** Undefined where it was interrupted. */
function resultOf({ name, seed }: SeedRun, result: FineTuneResult): SeedResult | undefined {
  const { validation, steps } = result;
  if (validation === undefined) return undefined;
  const { top1, top5, loss } = validation;
  return { name, seed, steps, top1, top5, loss };
}

/** Each run's results, and mean and deviation of all. */
function table({ runs, top1, top5, loss }: SeedsSummary): string {
  const cells = (name: string, values: readonly [number, number, number]) => {
    return [name, percentText(values[0]), percentText(values[1]), values[2].toFixed(5)];
  };
  const rows = [
    ["", "top1", "top5", "loss"],
    ...runs.map((run) => cells(run.name, [run.top1, run.top5, run.loss])),
  ];
  if (top1 !== null && top5 !== null && loss !== null) {
    rows.push(cells(`mean of ${runs.length}`, [top1.mean, top5.mean, loss.mean]));
    const deviations = [top1, top5, loss].map(({ deviation }) => deviation);
    const [a, b, c] = deviations;
    if (typeof a === "number" && typeof b === "number" && typeof c === "number")
      rows.push(cells("standard deviation", [a, b, c]));
  }
  return inColumns(rows, [1, 2, 3]).join("\n");
}

/** The runs are done: what goes wrong with their comparison does not undo that. */
async function comparison(
  { runs }: SeedsSummary,
  logdir: string,
  out: string,
  engine: Parameters<typeof reportRuns>[1],
): Promise<string> {
  const paths = runs.map(({ name }) => runFolder(logdir, name).path);
  try {
    return `Comparison: ${await reportRuns({ runs: paths, out }, engine)}`;
  } catch (error) {
    return `There is no comparison: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function haveFailed({ failed, runs }: SeedsSummary, again: string): UserError {
  const each = failed.map(({ name, error }) => `${name}: ${error.split("\n", 1)[0]}`);
  return new UserError(
    "--seeds",
    `${failed.length} of ${counted(failed.length + runs.length, "run")} failed: ${each.join("; ")}`,
    "runs that come to their end; the others' results are kept",
    `put right what is said of each above, then type ${again}: it makes these runs only`,
  );
}
