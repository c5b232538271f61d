/** A run that is asked for again and has nothing left to do. */
import { counted } from "../counted.js";
import { exists } from "../disk/file-reading.js";
import { readResult } from "../record/result-file.js";
import type { FineTuneResult } from "../record/run-events.js";
import type { RunFolder } from "../record/run-folder.js";
import { quoted } from "../settings/shell-word.js";
import type { FineTuneOptions } from "./options.js";
import type { RunPlan } from "./plan-run.js";

/** What a run came to that is at its last step; and how that is told. */
export interface AlreadyDone {
  readonly result: Omit<FineTuneResult, "seconds">;
  readonly line: string;
}

/**
 * Whether nothing is left of a run, under these very settings and on these data: its last checkpoint is that of its
 * last step, and all that is made after that is there.
 * @param options with `force`, it is evaluated again
 * @returns undefined where there is something to do
 */
export async function alreadyDone(
  { config, resumed, dataset }: Pick<RunPlan, "config" | "resumed" | "dataset">,
  folder: RunFolder,
  { force, report }: Pick<FineTuneOptions, "force" | "report">,
): Promise<AlreadyDone | undefined> {
  const steps = config.schedule.at(-1)!;
  if (force === true || resumed?.manifest?.steps !== steps) return undefined;
  // A damaged one is made again.
  const ended = await readResult(folder.result).catch(() => undefined);
  if (ended?.steps !== steps) return undefined;
  const made = [folder.predictions, ...(report === false ? [] : [folder.report])];
  for (const path of made) if (!(await exists(path))) return undefined;
  const { val_top1: top1, val_top5: top5, val_loss: loss, best } = ended;
  const validation = { top1, top5, loss, count: dataset.val.labels.length };
  const instead = config.weights === null ? " instead of --from_scratch" : "";
  return {
    result: {
      ...{ folder, config, steps, saved: steps, validation },
      ...{ before: undefined, best: best ?? undefined },
    },
    line:
      `Already done: ${steps} of ${counted(steps, "step")}; what it came to is in ${folder.result}. To train further, give bit-train a larger ` +
      `--steps and --force; for another run, from this one's network with a new head, also where the classes are the same: ` +
      `--weights ${quoted(folder.path)}${instead} and another --name`,
  };
}
