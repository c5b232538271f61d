/** A run's process of another rank than 0: it computes, and says what is wrong alone. */
import type { AddressWish } from "../ranks/own-address.js";
import type { RankSettings } from "../ranks/rank-sources.js";
import type { RunEvent } from "../record/run-events.js";
import { fineTune } from "../run/fine-tune.js";
import { joinRun } from "../run/joint-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { StopSignals, signalExit } from "./interrupt.js";
import { openEngineForRank } from "./open-engine.js";
import { output } from "./output.js";

/**
 * Trains with the process of rank 0, which says how the run goes.
 * @returns the exit code
 */
export async function runAsRank(
  options: FineTuneOptions,
  ranks: RankSettings & AddressWish,
): Promise<number> {
  const own = openEngineForRank(options.device);
  const joint = await joinRun(own, ranks, (text) => output.note(text));
  const stop = new StopSignals();
  const event = (told: RunEvent) => {
    if (told.type === "note" && told.level === "warning") output.note(told.text);
  };
  const interrupted = () => stop.signal.aborted;
  try {
    const observer = { event, interrupted, signal: stop.signal };
    const result = await fineTune(options, joint.engine, observer, joint);
    if (result.validation !== undefined) return 0;
    return result.stop === undefined ? stop.exit : signalExit(result.stop.by);
  } finally {
    stop.close();
  }
}
