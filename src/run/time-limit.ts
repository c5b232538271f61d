/** `--max_minutes`: as many of the recipe's steps as fit a time. */

import { listCheckpoints } from "../checkpoint/checkpoint-folder.js";
import { counted } from "../counted.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { scaleSchedule } from "../recipe/hyperrule.js";
import { type RunConfig, readConfig } from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import type { FineTuneOptions } from "./options.js";
import { type MeasuredTimes, remainingMs, secondsText } from "./run-forecast.js";

/** Of the time: beginning, checkpoints and the report take some, and three steps tell the others only about. */
const usedShare = 0.9;

/**
 * The steps of a run that goes on under the limit that it was begun with, and keeps them. Undefined: it is still
 * to be timed, also where it has no checkpoint and begins anew, which it may under other settings.
 * @throws UserError where its config.json is damaged
 */
export async function lengthOfBegun(
  { maxMinutes }: Pick<FineTuneOptions, "maxMinutes">,
  folder: Pick<RunFolder, "config" | "checkpoint" | "checkpoints">,
): Promise<number | undefined> {
  if (maxMinutes === undefined) return undefined;
  const known = await readConfig(folder.config);
  if (known?.maxMinutes !== maxMinutes) return undefined;
  const checkpoints = await listCheckpoints(folder.checkpoints);
  const goesOn = checkpoints.length > 0 || (await exists(folder.checkpoint));
  return goesOn ? known.schedule?.at(-1) : undefined;
}

/**
 * A run's plan with the recipe's schedule scaled to the steps that fit, at most all of them, and a line for people.
 * @param config with the recipe's own schedule
 * @throws UserError where not even one step fits
 */
export function limited<Config extends RunConfig>(
  config: Config,
  measured: MeasuredTimes,
  minutes: number,
): { readonly config: Config; readonly line: string } {
  const all = config.schedule.at(-1)!;
  const durationMs = (steps: number) => remainingMs({ ...config, schedule: [steps] }, measured);
  const limitMs = usedShare * 60_000 * minutes;
  const { precrop, crop } = config.resolution;
  const smaller = config.freeze ? `--crop below ${crop}` : `--resolution below ${precrop}`;
  if (durationMs(1) > limitMs)
    throw new UserError(
      `--max_minutes ${minutes}`,
      `a step takes ${secondsText(measured.stepMs)}, and with the evaluation ${secondsText(durationMs(1))}`,
      "time for one step at least",
      `give more minutes, smaller images (${smaller}) or a smaller model; --dry_run says what a run takes`,
    );
  let [fits, tooMany] = [1, all + 1];
  while (tooMany - fits > 1) {
    const steps = Math.floor((fits + tooMany) / 2);
    if (durationMs(steps) <= limitMs) fits = steps;
    else tooMany = steps;
  }
  const of =
    fits === all
      ? `all ${all} steps of the recipe fit`
      : `${fits} of the recipe's ${all} steps ${fits === 1 ? "fits" : "fit"}`;
  const by = counted(measured.steps, "timed step");
  return {
    config: { ...config, schedule: scaleSchedule(config.schedule, fits) },
    line: `${of} ${counted(minutes, "minute")}, by ${by} (--max_minutes)`,
  };
}
