/** `bit-train --dry_run`: what a run, or several, would do and take. */
import type { RunObserver } from "../record/run-events.js";
import { dryRun } from "../run/dry-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { dryRunSeeds, type SeedWishes, seedRuns } from "../run/seed-runs.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/**
 * Prints it in lines, or as one line of JSON.
 * @param several where more than one run is asked for
 * @returns the exit code
 */
export async function sayDryRun(
  options: FineTuneOptions,
  json = false,
  several?: SeedWishes,
): Promise<number> {
  const engine = openEngine(options.device);
  if (!json) output.result(engine.description);
  const observer: RunObserver = {
    event: (event) => {
      if (event.type === "note") output.note(event.text);
    },
  };
  const { lines, ...facts } =
    several === undefined
      ? await dryRun(options, engine, observer)
      : await dryRunSeeds(await seedRuns(options, several, observer), engine, observer);
  if (json) output.result(JSON.stringify({ device: engine.description, ...facts }));
  else {
    output.result(lines.join("\n"));
    output.result("Nothing was written (--dry_run).");
  }
  return 0;
}
