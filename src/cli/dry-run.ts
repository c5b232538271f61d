/** `bit-train --dry_run`: what a run, or several, would do and take. */
import type { RunObserver } from "../record/run-events.js";
import { dryRun } from "../run/dry-run.js";
import type { Joint } from "../run/joint-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { dryRunSeeds, type SeedWishes, seedRuns } from "../run/seed-runs.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";
import { unlessStopped } from "./stopping-all.js";

/** What is asked for beside the run's own settings. */
export interface DryWishes {
  /** As one line of JSON. */
  readonly json: boolean;
  /** Where more than one run is asked for. */
  readonly several?: SeedWishes | undefined;
  /** Where several processes are to train together, in the midst of `together`: this is rank 0. */
  readonly joint?: Joint | undefined;
}

/**
 * Prints it in lines, each as soon as it is known, or as one line of JSON.
 * @returns the exit code
 */
export async function sayDryRun(
  options: FineTuneOptions,
  { json, several, joint }: DryWishes,
): Promise<number> {
  const engine = joint?.engine ?? openEngine(options.device);
  if (!json) output.result(engine.description);
  // What is found comes before the timing, which takes the longest.
  const tell = json ? undefined : (line: string) => output.result(line);
  const { lines: _, ...facts } = await unlessStopped(joint, async (signal) => {
    const observer: RunObserver = {
      signal,
      event: (event) => {
        if (event.type === "note") output.note(event.text);
      },
    };
    if (several === undefined) return dryRun(options, engine, observer, { joint, tell });
    return dryRunSeeds(await seedRuns(options, several, observer), engine, observer, {
      joint,
      tell,
    });
  });
  if (json) output.result(JSON.stringify({ device: engine.description, ...facts }));
  else output.result("Nothing was written (--dry_run).");
  return 0;
}
