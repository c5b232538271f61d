/** How many steps of a run fit the minutes that are given for it. */
import type { RunConfig } from "../record/run-config.js";
import { dryRun } from "./dry-run.js";
import { type Planned, settleRun } from "./plan-run.js";
import { lengthOfBegun } from "./time-limit.js";
import { limitedTogether } from "./time-together.js";

/**
 * The steps of a run with `--max_minutes`, by timed steps on its own data, which are fetched where they are missing.
 * Undefined where no such limit is given, or where the run goes on under it: it keeps its schedule.
 * @throws UserError as the run would, and where not even one step fits; Interrupted of several processes
 */
export async function stepsInTime(planned: Planned): Promise<number | undefined> {
  const { options, folder, observer, joint } = planned;
  const { maxMinutes } = options;
  if (maxMinutes === undefined) return undefined;
  if ((await lengthOfBegun(options, folder)) !== undefined) return undefined;
  const { config, line } = joint
    ? await limitedTogether(planned, joint, maxMinutes)
    : await limitedAlone(planned);
  if (line !== undefined) observer.event?.({ type: "note", level: "info", text: line });
  return config.schedule.at(-1)!;
}

async function limitedAlone(
  planned: Planned,
): Promise<{ readonly config: RunConfig; readonly line: string | undefined }> {
  const { options, name, engine, observer, load } = planned;
  // A dry run fetches nothing.
  await settleRun(planned);
  const { config, limit: line } = await dryRun({ ...options, name }, engine, observer, { load });
  return { config, line };
}
