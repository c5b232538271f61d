/** What a process of another rank than 0 does: it computes, and says what is wrong alone. */
import type { AddressWish } from "../ranks/own-address.js";
import type { RankSettings } from "../ranks/rank-sources.js";
import type { RunEvent } from "../record/run-events.js";
import { fineTune } from "../run/fine-tune.js";
import { followDryRun } from "../run/follow-run.js";
import { type Joint, joinRun } from "../run/joint-run.js";
import { announcedNext } from "../run/next-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { seedRuns } from "../run/seed-runs.js";
import { type JointWork, together } from "../run/together.js";
import { StopSignals, signalExit } from "./interrupt.js";
import { openEngineForRank } from "./open-engine.js";
import { output } from "./output.js";
import { unlessStopped } from "./stopping-all.js";

/** Where a process is among the others. */
type Place = RankSettings & AddressWish;

/**
 * Does with the process of rank 0 what that does, which says how it goes.
 * @returns the exit code
 */
export async function runAsRank(
  options: FineTuneOptions,
  place: Place,
  work: JointWork,
): Promise<number> {
  const joint = await join(options, place);
  return together(joint.group, work, async () => {
    if (work.several === undefined) return (await follow(options, joint, work)).exit;
    const { runs } = await seedRuns(options, work.several);
    for (;;) {
      const next = await unlessStopped(joint, () => announcedNext(joint.group));
      if ("exit" in next) return next.exit;
      const { exit, ends } = await follow(runs[next.run]!.options, joint, work);
      if (ends) return exit;
    }
  });
}

/** Meets the other processes. */
export async function join(options: FineTuneOptions, place: Place): Promise<Joint> {
  const own = openEngineForRank(options.device);
  return joinRun(own, place, (text) => output.note(text));
}

/** One run, as rank 0 announces it; whether there is no other after it. */
async function follow(options: FineTuneOptions, joint: Joint, { dry }: JointWork) {
  const { engine } = joint;
  const event = (told: RunEvent) => {
    if (told.type === "note" && told.level === "warning") output.note(told.text);
  };
  const stop = new StopSignals();
  try {
    const interrupted = () => stop.signal.aborted;
    const observer = { event, interrupted, signal: stop.signal };
    if (dry) {
      await followDryRun({ wishes: options, engine, observer, joint });
      return { exit: 0, ends: true };
    }
    const { validation, stop: asked } = await fineTune(options, engine, observer, joint);
    if (validation !== undefined) return { exit: 0, ends: false };
    return { exit: asked === undefined ? stop.exit : signalExit(asked.by), ends: true };
  } finally {
    stop.close();
  }
}
