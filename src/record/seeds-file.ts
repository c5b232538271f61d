/** `<name>_seeds.json`, beside the runs of `--seeds`: what they came to together. */
import { basename, dirname, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.js";
import { type MeanAndDeviation, meanAndDeviation } from "../evaluators/deviation.js";
import { readJson, writeJson } from "./versioned-json.js";

const ending = "_seeds.json";

/** A run of several that is done. */
export interface SeedResult {
  /** As `--name` has it. */
  readonly name: string;
  readonly seed: number;
  readonly steps: number;
  /** Of the final evaluation: shares, and nats. */
  readonly top1: number;
  readonly top5: number;
  readonly loss: number;
}

/** What runs under the same settings, with one seed each, came to. */
export interface SeedsSummary {
  /** As `--name` had it. */
  readonly name: string;
  /** Those that are done, by seed. */
  readonly runs: readonly SeedResult[];
  /** Runs that failed, and why. */
  readonly failed: readonly { readonly name: string; readonly error: string }[];
  /** Names of those that are still to be done. */
  readonly left: readonly string[];
  /** Over those that are done; null where none is. */
  readonly top1: MeanAndDeviation | null;
  readonly top5: MeanAndDeviation | null;
  readonly loss: MeanAndDeviation | null;
}

/** The last event of several runs; those of each run come before. */
export interface SeedsEvent extends SeedsSummary {
  readonly type: "seeds";
  /** Of the summary's file. */
  readonly path: string;
}

/** The name of one of several runs. */
export function seedRunName(name: string, seed: number): string {
  return `${name}_seed${seed}`;
}

/** Where the runs' summary is, and their comparison. */
export function seedsFiles(logdir: string, name: string) {
  const stem = resolve(logdir, `${name}_seeds`);
  return { summary: `${stem}.json`, comparison: `${stem}.html` };
}

/** Whether a path's name is that of such a file. */
export function isSeedsFile(path: string): boolean {
  return path.endsWith(ending) && basename(path) !== ending;
}

/** With means and deviations over the runs that are done. */
export function summaryOf(
  told: Pick<SeedsSummary, "name" | "runs" | "failed" | "left">,
): SeedsSummary {
  const over = (value: (run: SeedResult) => number) =>
    told.runs.length === 0 ? null : meanAndDeviation(told.runs.map(value));
  const { name, runs, failed, left } = told;
  return {
    ...{ name, runs, failed, left },
    top1: over((run) => run.top1),
    top5: over((run) => run.top5),
    loss: over((run) => run.loss),
  };
}

/** Writes a summary; the file appears complete or not at all. */
export async function writeSeeds(path: string, summary: SeedsSummary): Promise<void> {
  await writeJson(path, summary);
}

const members = z.object({
  runs: z.array(z.object({ name: z.string() })),
  failed: z.array(z.object({ name: z.string() })),
  left: z.array(z.string()),
});

/**
 * The folders of the runs of which a file tells, in its order: those beside it, wherever they were made.
 * @throws UserError where it is damaged, of a newer version, or not there
 */
export async function seedRunFolders(path: string): Promise<string[]> {
  const next = "type the command of the runs again, which writes it anew";
  const told = members.safeParse(await readJson(path, undefined, next)).data;
  if (told === undefined)
    throw new UserError(path, "tells of no runs", "a file that bit-train --seeds wrote", next);
  const { runs, failed, left } = told;
  const names = [...runs, ...failed].map(({ name }) => name).concat(left);
  return names.map((name) => resolve(dirname(path), basename(name)));
}
