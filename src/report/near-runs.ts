/** The runs that may be meant where one is named that is not there: said the same way by every command. */
import { basename, dirname, normalize, relative, resolve } from "node:path";
import { closeNames, perhapsOne } from "../close-names.js";
import { quoted } from "../settings/shell-word.js";
import { newestRuns, runsIn } from "./list-runs.js";

const mostRunsShown = 5;

/** What may be meant. */
interface NearRuns {
  /** Runs of nearly the same name, the nearest first. */
  readonly near: readonly string[];
  /** `runs that are there: a, b`; undefined where there are none. */
  readonly there: string | undefined;
}

/**
 * Looks for runs in it, where it is a folder of runs; else where it was looked for, and where runs are kept.
 * @param logdirs more folders in which runs are kept
 */
async function nearRuns(source: string, logdirs: readonly string[] = []): Promise<NearRuns> {
  const inside = await runsIn(normalize(source));
  const places = inside.length > 0 ? [] : [dirname(normalize(source)), "bit_logs", ...logdirs];
  const beside = await Promise.all([...new Set(places)].map((folder) => runsIn(folder)));
  const runs = [...inside, ...beside.flat()];
  const found = [...new Map(runs.map((run) => [resolve(run), asTyped(run)])).values()];
  const names = closeNames(basename(source), [...new Set(found.map((run) => basename(run)))]);
  const near = names.flatMap((name) => found.filter((run) => basename(run) === name));
  return {
    near: near.slice(0, mostRunsShown),
    there: found.length === 0 ? undefined : `runs that are there: ${shown(found)}`,
  };
}

/** The first of some runs, and how many more there are. */
function shown(runs: readonly string[]): string {
  const more = runs.length > mostRunsShown ? `, and ${runs.length - mostRunsShown} more` : "";
  return `${runs.slice(0, mostRunsShown).join(", ")}${more}`;
}

/**
 * What to type where a command was given no run, with the newest that lies where runs are kept.
 * @param command what comes before the run: `npx bit-eval`
 */
export async function namedRun(command: string): Promise<string> {
  const [newest, ...older] = (await newestRuns("bit_logs")).map(asTyped);
  if (newest === undefined) return `${command} bit_logs/NAME`;
  const others =
    older.length > 0
      ? ` (runs that are there, the newest first: ${shown([newest, ...older])})`
      : "";
  return `${command} ${quoted(newest)}${others}`;
}

/** Shorter where it lies below the current folder. */
function asTyped(path: string): string {
  const below = relative(process.cwd(), path);
  return below === "" || below.startsWith("..") ? path : below;
}

/**
 * The next step where a run is not there: what has nearly its name, else the runs that are there.
 * @param models names that are possible there too; `npx bit-download --list` has them
 */
export async function correctRun(
  source: string,
  logdirs: readonly string[] = [],
  models: readonly string[] = [],
): Promise<string> {
  const { near, there } = await nearRuns(source, logdirs);
  const meant = perhapsOne([...near, ...closeNames(source, models)]);
  if (meant !== undefined) return `correct it: ${meant}`;
  const list = models.length > 0 ? ", `npx bit-download --list` the models" : "";
  return `correct it; ${there === undefined ? "" : `${there}; `}\`npx bit-train runs\` lists the runs${list}`;
}
