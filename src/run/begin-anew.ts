/** A run's folder without a checkpoint: whether the run may begin anew, which is never done silently. */

import { readFile } from "node:fs/promises";
import { counted } from "../counted.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { readMetrics } from "../record/metrics.js";
import type { KnownConfig, RunRecordFile } from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import { changedSettings } from "./same-run.js";

/**
 * Refuses to begin a run anew that is done, or has made more steps than its first checkpoint takes:
 * its checkpoints were removed, or it made none by --no-save. One that ended before its first
 * checkpoint was whole has nothing to lose.
 * @param known what config.json holds; undefined where it is missing
 * @param force begin anew all the same
 * @returns what is to be told; undefined where the folder holds nothing of an earlier run
 * @throws UserError where the run shall not begin anew
 */
export async function checkAnew(
  folder: RunFolder,
  known: KnownConfig | undefined,
  config: RunRecordFile,
  force: boolean,
): Promise<string | undefined> {
  const steps = await recordedSteps(folder);
  const done = await exists(folder.result);
  if (!force && (done || steps > stepsWithout(known))) {
    throw new UserError(
      folder.path,
      `holds a run that ${done ? "is done" : `has made ${counted(steps, "step")}`}, but no checkpoint of it`,
      "checkpoints, unless they were removed or --no-save was given",
      "bring them back from a backup, or choose another --name; --force begins anew",
    );
  }
  if (known === undefined && steps === 0) return undefined;
  const changed = known === undefined ? [] : changedSettings(known, config);
  const under = changed.length > 0 ? `, under other settings: ${changed.join("; ")}` : "";
  return `The run has made ${counted(steps, "step")} and has no checkpoint: it begins anew${under}`;
}

/**
 * The most steps that a run can record before its first checkpoint is whole: it is written beside the
 * training, and the second waits for it.
 */
function stepsWithout(known: KnownConfig | undefined): number {
  const { evalEvery, saveEvery } = known ?? {};
  const intervals = [evalEvery, saveEvery].filter((every) => typeof every === "number");
  const due = intervals.flatMap((every) => [every, 2 * every]).sort((a, b) => a - b);
  const [, second = Number.POSITIVE_INFINITY] = new Set(due);
  return second;
}

/** How many steps metrics.jsonl tells of. */
async function recordedSteps({ metrics }: RunFolder): Promise<number> {
  const text = await readFile(metrics, "utf8").catch(() => "");
  return text.split("\n").filter((line) => "step" in (readMetrics(line) ?? {})).length;
}
