/** `--max_minutes` of several processes: their steps are timed together, before the run is announced. */
import { announceRun } from "./agree.js";
import type { Joint } from "./joint-run.js";
import { type Measured, measureSteps } from "./measure-steps.js";
import { type Planned, planRun } from "./plan-run.js";
import { outOfMemoryTogether } from "./rank-choices.js";
import type { MeasuredTimes } from "./run-forecast.js";
import { limited } from "./time-limit.js";

/** What ends all ranks where one of them was to stop before the run began. */
export class StoppedTogether extends Error {
  override readonly name = "StoppedTogether";
}

/**
 * Of rank 0: the plan of a run whose steps fit so many minutes, and a line for people.
 * @throws UserError as the run would, and where not even one step fits; StoppedTogether
 */
export async function limitedTogether(
  planned: Planned,
  joint: Joint,
  minutes: number,
): Promise<ReturnType<typeof limited>> {
  const { engine, observer } = planned;
  const { config, dataset } = await joint.group.watch(planRun(planned));
  await announceRun(joint.group, { config, best: null, timed: true });
  observer.event?.({ type: "note", level: "info", text: "Timing a few steps ..." });
  const measured = await measureTogether({ config, dataset, engine, observer, joint });
  return limited(config, measured, minutes);
}

/**
 * Times steps; all ranks are to call it at the same time.
 * @throws UserError where the memory of one does not suffice; StoppedTogether in all where one is to stop
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
  const stopped = await group.share(observer.signal?.aborted === true);
  if (!stopped.includes(true)) return times;
  await group.end();
  throw new StoppedTogether("interrupted");
}
