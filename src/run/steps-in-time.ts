/** How many steps of a run fit the minutes that are given for it. */
import { dryRun } from "./dry-run.js";
import { type Planned, settleRun } from "./plan-run.js";
import { lengthOfBegun } from "./time-limit.js";

/**
 * The steps of a run with `--max_minutes`, by timed steps on its own data, which are fetched where they are missing.
 * Undefined where no such limit is given, or where the run goes on under it: it keeps its schedule.
 * @throws UserError as the run would, and where not even one step fits
 */
export async function stepsInTime(planned: Planned): Promise<number | undefined> {
  const { options, folder, name, engine, observer } = planned;
  if (options.maxMinutes === undefined) return undefined;
  if ((await lengthOfBegun(options, folder)) !== undefined) return undefined;
  // A dry run fetches nothing.
  await settleRun(planned);
  const { config, limit } = await dryRun({ ...options, name }, engine, observer);
  if (limit !== undefined) observer.event?.({ type: "note", level: "info", text: limit });
  return config.schedule.at(-1)!;
}
