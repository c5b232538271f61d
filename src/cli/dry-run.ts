/** `bit-train --dry_run`: what a run would do and take. */
import { dryRun } from "../run/dry-run.js";
import type { FineTuneOptions } from "../run/options.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/**
 * Prints it in lines, or as one line of JSON.
 * @returns the exit code
 */
export async function sayDryRun(options: FineTuneOptions, json = false): Promise<number> {
  const engine = openEngine(options.device);
  const { lines, ...facts } = await dryRun(options, engine, {
    event: (event) => {
      if (event.type === "note") output.note(event.text);
    },
  });
  if (json) output.result(JSON.stringify({ device: engine.description, ...facts }));
  else {
    output.result([engine.description, ...lines].join("\n"));
    output.result("Nothing was written (--dry_run).");
  }
  return 0;
}
