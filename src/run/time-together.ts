/** `--max_minutes` of several processes: their steps are timed together, before the run is announced. */
import { announceRun } from "./agree.js";
import type { Joint } from "./joint-run.js";
import { type Measured, measureSteps } from "./measure-steps.js";
import { type Planned, planRun } from "./plan-run.js";
import { outOfMemoryTogether } from "./rank-choices.js";
import type { MeasuredTimes } from "./run-forecast.js";
import { limited } from "./time-limit.js";

/**
 * Of rank 0: the plan of a run whose steps fit so many minutes, and a line for people.
 * @throws UserError as the run would, and where not even one step fits
 */
export async function limitedTogether(
  planned: Planned,
  joint: Joint,
  minutes: number,
): Promise<ReturnType<typeof limited>> {
  const { options, engine, observer } = planned;
  const { config, dataset } = await planRun(planned);
  await announceRun(joint.group, { config, options, best: null, timed: true });
  observer.event?.({ type: "note", level: "info", text: "Timing a few steps ..." });
  const measured = await measureTogether({ config, dataset, engine, observer, joint });
  return limited(config, measured, minutes);
}

/**
 * Times steps; all ranks are to call it at the same time, in the midst of `stoppingAll`: what was timed until a stop is no
 * length of the run.
 * @throws UserError where the memory of one does not suffice
 */
export async function measureTogether(
  measured: Measured & { readonly joint: Joint },
): Promise<MeasuredTimes> {
  const { joint, config } = measured;
  return measureSteps(measured).catch((error: unknown) => {
    throw outOfMemoryTogether(error, config, joint.group.ranks) ?? error;
  });
}
