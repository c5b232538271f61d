/** One run on the terminal. */

import { counted } from "../counted.js";
import type { OpenedEngine } from "../engine/open.js";
import { Interrupted, UserError } from "../errors.js";
import { rankSettings } from "../ranks/rank-sources.js";
import type { FineTuneResult, RunEvent } from "../record/run-events.js";
import { describeResult } from "../record/run-lines.js";
import { fineTune } from "../run/fine-tune.js";
import type { Joint } from "../run/joint-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { wishOf } from "../run/stop-together.js";
import { signalExit } from "./interrupt.js";
import { printEvent } from "./json-lines.js";
import { openEngine } from "./open-engine.js";
import { askedOf } from "./stopping-all.js";
import { standardError, TrainConsole } from "./train-console.js";

export interface RunWishes {
  /** What to type to go on with the run, if not the same command with its name. */
  readonly goOn?: string | undefined;
  /** Stop and save after so many steps of the schedule. */
  readonly stopAfter?: number | undefined;
  /** Print each event as a line of JSON on standard output, and what is for people on standard error. */
  readonly json?: boolean | undefined;
  /** Default: the one that the options' device has. */
  readonly engine?: OpenedEngine | undefined;
  /** Told of each event, too. */
  readonly follow?: ((event: RunEvent) => void) | undefined;
  /** Where several processes train together, in the midst of `together`: this is rank 0. */
  readonly joint?: Joint | undefined;
}

/** How a run ended. */
export interface RunEnd {
  /** Undefined where it was stopped while it fetched what it misses. */
  readonly result: FineTuneResult | undefined;
  /** The exit code: 0, or that of a stop. */
  readonly exit: number;
  /** That of a stop which was asked for, be it within the report of a run that is done: no other is to follow. */
  readonly stop: number | undefined;
}

/** @throws UserError where a launcher has started several processes, of which each would make the same run */
function requireOneProcess(): void {
  const ranks = rankSettings(process.env);
  if (ranks === undefined) return;
  throw new UserError(
    `rank ${ranks.rank} of ${ranks.ranks} (${ranks.source})`,
    "this command runs in one process",
    "bit-train --model ... --dataset ..., which several processes share",
    "type the command without a launcher",
  );
}

/** One run with progress on the terminal, and a last word on where things are. */
export async function runFineTune(
  options: FineTuneOptions,
  wishes: RunWishes = {},
): Promise<RunEnd> {
  const { goOn, stopAfter, json = false, follow, joint } = wishes;
  if (joint === undefined) requireOneProcess();
  const engine = joint?.engine ?? wishes.engine ?? openEngine(options.device);
  const console = new TrainConsole({ stopAfter, ...(json && { place: standardError() }) });
  const followers = [...(json ? [printEvent] : []), console.event, ...(follow ? [follow] : [])];
  const observer = {
    event: (event: RunEvent) => {
      for (const tell of followers) tell(event);
    },
    interrupted: console.interrupted,
    signal: console.signal,
  };
  try {
    console.line(engine.description);
    const result = await fineTune(options, engine, observer, joint);
    const { folder, validation, steps, saved, seconds, config, stop } = result;
    if (validation === undefined) {
      const resume = goOn ?? `the same command with --name ${config.name}`;
      const how = options.save === false ? "Nothing was saved (--no-save)." : `To go on: ${resume}`;
      console.line(`Stopped after ${counted(steps, "step")}${askedOf(stop)}. ${how}`);
      if (saved < steps && options.save !== false)
        console.line(`The loss was too high to save that; it goes on from step ${saved}.`);
    } else {
      console.line(`Done in ${Math.round(seconds)} s: ${describeResult(validation)}`);
    }
    console.line(`The run's files are in ${folder.path}`);
    // Several processes do what they have agreed on.
    const by = joint === undefined ? wishOf(observer) : stop?.by;
    const asked = by ? signalExit(by) : undefined;
    const exit = validation === undefined ? (asked ?? console.stoppedExit) : 0;
    return { result, exit, stop: asked };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    console.line(
      `Stopped before the first step${askedOf(error)}; what was fetched so far is kept. ` +
        `To go on: ${goOn ?? "the same command"}`,
    );
    // What another process was asked for may find this one in the midst of something, which then has to end with it.
    if (joint !== undefined) throw error;
    const { stoppedExit: exit } = console;
    return { result: undefined, exit, stop: exit };
  } finally {
    console.close();
  }
}
