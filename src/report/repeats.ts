/** Which runs differ in their seeds alone, and what they came to together. */
import { meanAndDeviation } from "../evaluators/deviation.js";
import { freeKeys, type KnownConfig } from "../record/run-config.js";
import type { RepeatedRuns, ReportedRun } from "./report-data.js";

/** What a seed decides, and what follows from that: the images that a run draws or holds out. */
const seeded = new Set(["seed", "examplesPerClassSeed", "data", "trainSize", "valSize"]);

/**
 * Groups of at least two runs that are done, and whose settings are the same but for their seeds. Runs of
 * others, whose settings are not known to be all, are in none.
 */
export function repeatsOf(
  runs: readonly { readonly run: ReportedRun; readonly config: KnownConfig | undefined }[],
): RepeatedRuns[] {
  const groups = new Map<string, ReportedRun[]>();
  for (const { run, config } of runs) {
    if (config === undefined || run.final === undefined) continue;
    const key = keyOf(config);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()].filter((group) => group.length > 1).map(together);
}

/** Where the data lie decides here, whatever its fingerprint says: that differs by what a seed draws. */
function keyOf(config: KnownConfig): string {
  const { dataset, datadir } = config;
  const deciding = Object.entries(config)
    .filter(([key, value]) => !freeKeys.has(key) && !seeded.has(key) && value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([dataset, datadir, deciding]);
}

function together(runs: readonly ReportedRun[]): RepeatedRuns {
  const over = (of: (run: ReportedRun) => number | undefined) => {
    const values = runs.flatMap((run) => of(run) ?? []);
    return values.length === runs.length ? meanAndDeviation(values) : undefined;
  };
  return {
    name: sharedName(runs.map(({ name }) => name)),
    runs: runs.map(({ name }) => name),
    top1: over(({ final }) => final?.top1),
    top5: over(({ final }) => final?.top5),
    loss: over(({ final }) => final?.loss),
    macroF1: over(({ judgement }) => judgement?.macro.f1),
    calibrationError: over(({ judgement }) => judgement?.calibrationError),
  };
}

/** `pets` of `pets_seed0` and `pets_seed1`; all names where they have no such part in common. */
function sharedName(names: readonly string[]): string {
  const stems = new Set(names.map((name) => /^(.+)_seed\d+$/.exec(name)?.[1]));
  const [stem] = stems;
  return stems.size === 1 && stem !== undefined ? stem : names.join(", ");
}
