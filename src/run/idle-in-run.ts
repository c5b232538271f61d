/** Settings that can do nothing in one run, by its length and its data: said at its start. */
import { counted } from "../counted.js";
import type { Dataset } from "../data/dataset.js";
import { classCounts } from "../recipe/class-weights.js";
import type { RunConfig } from "../record/run-config.js";
import { settingTable } from "../settings/table.js";
import type { FineTuneOptions } from "./options.js";

/** What a run comes to. */
interface Planned {
  readonly options: Pick<FineTuneOptions, "save">;
  readonly config: RunConfig;
  readonly dataset: Pick<Dataset, "train" | "classNames">;
}

/** Says why something of a run can do nothing; undefined where it can. */
type Rule = (run: Planned & { readonly totalSteps: number }) => string | undefined;

const { default: usualSaveEvery } = settingTable.saveEvery.commands.train;

const rules: readonly Rule[] = [
  ({ config: { evalEvery }, totalSteps }) =>
    evalEvery && evalEvery >= totalSteps
      ? `--eval_every ${evalEvery} does nothing: the run has ${counted(totalSteps, "step")}, and is evaluated at its end`
      : undefined,
  ({ config: { evalEvery, patience }, totalSteps }) => {
    if (!evalEvery || !patience) return undefined;
    // The first one that may end the run: so many without a better one come after the best, which is one too.
    const earliest = evalEvery * (patience + 1);
    return earliest >= totalSteps
      ? `--patience ${patience} can end nothing: with --eval_every ${evalEvery} that takes more than ` +
          `${counted(earliest, "step")}, and the run has ${totalSteps}`
      : undefined;
  },
  ({ config: { saveEvery }, options: { save }, totalSteps }) =>
    // The default is nobody's wish.
    saveEvery && saveEvery !== usualSaveEvery && saveEvery >= totalSteps && save !== false
      ? `--save_every ${saveEvery} does nothing: the run has ${counted(totalSteps, "step")}, and is saved at its end`
      : undefined,
  ({ config: { mixupAlpha, batch, split } }) =>
    mixupAlpha && batch === split
      ? "The rule's mixup does nothing: it mixes the images of a part of a batch, of which there is one " +
        `(--batch ${batch}, in ${counted(split, "part")})`
      : undefined,
  ({ config: { cache }, dataset: { train } }) =>
    cache && train.images.kind === "pixels"
      ? "--cache does nothing: this dataset's images are decoded in memory already"
      : undefined,
  ({ config: { classWeights }, dataset: { train, classNames } }) => {
    if (classWeights !== "balanced") return undefined;
    const [first = 0, ...others] = classCounts(train.labels, classNames.length);
    return others.every((count) => count === first)
      ? `--class_weights balanced does nothing: each class has ${counted(first, "training image")}`
      : undefined;
  },
];

/** What can do nothing in a run, a sentence each; a training would go on as if it were not there. */
export function idleInRun(run: Planned): string[] {
  const totalSteps = run.config.schedule.at(-1)!;
  return rules.flatMap((rule) => rule({ ...run, totalSteps }) ?? []);
}
