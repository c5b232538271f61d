/** `--max_minutes` of several processes: their steps are timed together, before the run is announced. */
import { Interrupted } from "../errors.js";
import { announceRun } from "./agree.js";
import type { Joint } from "./joint-run.js";
import { type Measured, measureSteps } from "./measure-steps.js";
import { type Planned, planRun } from "./plan-run.js";
import { outOfMemoryTogether } from "./rank-choices.js";
import type { MeasuredTimes } from "./run-forecast.js";
import { stopAmong, wishOf } from "./stop-together.js";
import { limited } from "./time-limit.js";

/**
 * Of rank 0: the plan of a run whose steps fit so many minutes, and a line for people.
 * @throws UserError as the run would, and where not even one step fits; Interrupted where one rank is to stop
 */
export async function limitedTogether(
  planned: Planned,
  joint: Joint,
  minutes: number,
): Promise<ReturnType<typeof limited>> {
  const { options, engine, observer } = planned;
  const { config, dataset } = await joint.group.watch(planRun(planned));
  await announceRun(joint.group, { config, options, best: null, timed: true });
  observer.event?.({ type: "note", level: "info", text: "Timing a few steps ..." });
  const measured = await measureTogether({ config, dataset, engine, observer, joint });
  return limited(config, measured, minutes);
}

/**
 * Times steps; all ranks are to call it at the same time.
 * @throws UserError where the memory of one does not suffice; Interrupted in all where one is to stop
 */
export async function measureTogether(
  measured: Measured & { readonly joint: Joint },
): Promise<MeasuredTimes> {
  const { joint, config, observer } = measured;
  const { group } = joint;
  const times = await measureSteps(measured).catch((error: unknown) => {
    throw outOfMemoryTogether(error, config, group.ranks) ?? error;
  });
  // What was timed until then is no length of the run.
  const stop = stopAmong(await group.share(wishOf(observer)));
  if (stop === undefined) return times;
  throw new Interrupted(stop.by, stop.rank === group.rank ? undefined : stop.rank);
}
