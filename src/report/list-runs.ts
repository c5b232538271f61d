/** The runs below a folder, each with how far it is and how it was judged. */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { z } from "zod";
import { checkpointAt, listCheckpoints } from "../checkpoint/checkpoint-folder.js";
import { exists, readError } from "../disk/file-reading.js";
import { systemErrorCode, UserError } from "../errors.js";
import { type MeanAndDeviation, meanAndDeviation } from "../evaluators/deviation.js";
import { readConfig } from "../record/run-config.js";
import { isTrained, runFolderAt } from "../record/run-folder.js";
import { isSeedsFile, seedRunFolders } from "../record/seeds-file.js";
import { readJson } from "../record/versioned-json.js";
import { hubWeights } from "../zoo/hub-folder.js";

/** A run that was found; what its files do not tell is undefined. */
export interface ListedRun {
  /** Below the folder that was looked through, as `--name` has it. */
  readonly name: string;
  readonly model?: string | undefined;
  readonly dataset?: string | undefined;
  /** Of its whole schedule. */
  readonly totalSteps?: number | undefined;
  /** Of its newest checkpoint, or of its end where it is done. */
  readonly steps?: number | undefined;
  /** Share of the held-out images, at the end of the run. */
  readonly top1?: number | undefined;
  /** The best evaluation that the newest checkpoint knows, of a run that is not done: after so many steps. */
  readonly best?: { readonly step: number; readonly top1: number } | undefined;
  /** Whether a process of this machine trains it now. */
  readonly running?: true | undefined;
  readonly note?: string | undefined;
  /** Why its files cannot be read, where that is so. */
  readonly damaged?: string | undefined;
}

/** Runs under the same settings, with one seed each. */
export interface ListedGroup {
  /** As `bit_logs/<name>.json` has it. */
  readonly name: string;
  /** Names of its runs, those included that are not there. */
  readonly runs: readonly string[];
  /** How many of them are done. */
  readonly done: number;
  /** Over those: share of the held-out images. */
  readonly top1?: MeanAndDeviation | undefined;
  /** Why its file cannot be read, where that is so. */
  readonly damaged?: string | undefined;
}

const result = z.object({ val_top1: z.number(), steps: z.int() });

/** Of a checkpoint's manifest. */
const evaluated = z.object({ best: z.object({ step: z.int(), top1: z.number() }) });

/** Folders of folders: a run's name may be a path of so many parts. */
const mostParts = 4;

/**
 * Lists the runs below a folder, by name. One whose files are damaged is listed as that.
 * @throws UserError where the folder cannot be read
 */
export async function listRuns(logdir: string): Promise<ListedRun[]> {
  const runs: ListedRun[] = [];
  for (const path of await runsBelow(logdir, mostParts)) {
    const name = relative(logdir, path);
    try {
      runs.push({ name, ...(await lookAt(path)) });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      runs.push({ name, damaged: error.got });
    }
  }
  return runs.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Lists the groups of runs below a folder by name, with what their runs came to.
 * @param runs as `listRuns` has them of the same folder
 * @throws UserError where the folder cannot be read
 */
export async function listGroups(
  logdir: string,
  runs: readonly ListedRun[],
): Promise<ListedGroup[]> {
  const byName = new Map(runs.map((run) => [run.name, run]));
  const groups: ListedGroup[] = [];
  for (const path of await groupsBelow(logdir, mostParts)) {
    const name = relative(logdir, path).replace(/\.json$/, "");
    try {
      const names = (await seedRunFolders(path)).map((run) => relative(resolve(logdir), run));
      const values = names.flatMap((run) => byName.get(run)?.top1 ?? []);
      const top1 = values.length > 0 ? meanAndDeviation(values) : undefined;
      groups.push({ name, runs: names, done: values.length, top1 });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      groups.push({ name, runs: [], done: 0, damaged: error.got });
    }
  }
  return groups.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function groupsBelow(folder: string, parts: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesIn(folder)) {
    const path = join(folder, entry.name);
    if (entry.isFile() && isSeedsFile(path)) found.push(path);
    else if (entry.isDirectory() && parts > 1 && !(await isRun(path)))
      found.push(...(await groupsBelow(path, parts - 1)));
  }
  return found;
}

/** Paths of the runs directly in a folder, by name; none where it cannot be read. */
export async function runsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const folders = entries
    .filter((each) => each.isDirectory())
    .map(({ name }) => join(folder, name));
  const areRuns = await Promise.all(folders.map(isRun));
  return folders.filter((_, i) => areRuns[i]).sort();
}

/** Paths of the runs below a folder that have a checkpoint, the last one saved first; none where it cannot be read. */
export async function newestRuns(folder: string): Promise<string[]> {
  const paths = await runsBelow(folder, mostParts).catch(() => []);
  const saved = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(runFolderAt(path).checkpoint).catch(() => undefined);
      return found === undefined ? [] : [{ path, at: found.mtimeMs }];
    }),
  );
  const runs = saved.flat().sort((a, b) => b.at - a.at || (a.path < b.path ? -1 : 1));
  return runs.map(({ path }) => path);
}

/** Models of the Hub have a config.json of their own, and their weights beside it. */
async function isRun(path: string): Promise<boolean> {
  const { config, checkpoint } = runFolderAt(path);
  if (!(await exists(config))) return false;
  return (await exists(checkpoint)) || (await hubWeights(path)) === undefined;
}

/** @throws UserError where the folder cannot be read */
async function entriesIn(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    const next = "name the folder of runs with --logdir";
    if (systemErrorCode(error) === "ENOENT")
      throw new UserError(folder, "there is no such folder", "a folder in which runs are", next);
    throw readError(folder, error, next);
  });
}

async function runsBelow(folder: string, parts: number): Promise<string[]> {
  const entries = await entriesIn(folder);
  const found: string[] = [];
  for (const entry of entries.filter((each) => each.isDirectory())) {
    const path = join(folder, entry.name);
    if (await isRun(path)) found.push(path);
    else if (parts > 1) found.push(...(await runsBelow(path, parts - 1)));
  }
  return found;
}

async function lookAt(path: string): Promise<Omit<ListedRun, "name">> {
  const folder = runFolderAt(path);
  const config = await readConfig(folder.config);
  const [newest] = await listCheckpoints(folder.checkpoints);
  const ended = result.safeParse(await readJson(folder.result)).data;
  const isOpen = ended === undefined && newest !== undefined;
  const manifest = isOpen ? checkpointAt(folder.checkpoints, newest).manifest : undefined;
  // Of a damaged one nothing is told here; the run says it as it goes on.
  const saved = manifest && (await readJson(manifest).catch(() => undefined));
  return {
    model: config?.model,
    dataset: config?.dataset,
    totalSteps: config?.schedule?.at(-1),
    steps: ended?.steps ?? newest,
    top1: ended?.val_top1,
    best: evaluated.safeParse(saved).data?.best,
    running: (await isTrained(path)) || undefined,
    note: config?.note ?? undefined,
  };
}
