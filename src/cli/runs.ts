/** `bit-train runs`: the runs that are there. */
import { type ListedGroup, type ListedRun, listGroups, listRuns } from "../report/list-runs.js";
import { inColumns } from "./columns.js";
import type { Call } from "./command.js";
import { output } from "./output.js";
import { visibleLine } from "./visible.js";

/** Runs the command. */
export async function run({ settings }: Call<"runs">): Promise<number> {
  const { logdir, json } = settings;
  const runs = await listRuns(logdir);
  const groups = await listGroups(logdir, runs);
  if (json) output.result(JSON.stringify({ runs, groups }));
  else if (runs.length + groups.length === 0) output.result(`No runs in ${logdir}`);
  else output.result(tableOf(runs, groups).join("\n"));
  return 0;
}

function tableOf(runs: readonly ListedRun[], groups: readonly ListedGroup[]): string[] {
  const header = ["run", "model", "dataset", "steps", "top-1", "note"];
  // By name, a group comes after its runs.
  const rows = [...runs.map(cellsOf), ...groups.map((group) => groupCells(group, runs))];
  rows.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return inColumns([header, ...rows], [3, 4]);
}

function groupCells(group: ListedGroup, runs: readonly ListedRun[]): string[] {
  const { name, runs: names, done, top1, damaged } = group;
  const one = runs.find((run) => run.name === names[0]);
  const mean = top1 === undefined ? "" : percent(top1.mean);
  const deviation = top1?.deviation ?? undefined;
  const note = deviation === undefined ? "" : `mean; standard deviation ${percent(deviation)}`;
  const state = `${done}/${names.length} runs`;
  const cells =
    damaged === undefined
      ? [name, one?.model ?? "", one?.dataset ?? "", state, mean, note]
      : [name, "", "", "", "", `${name}.json ${damaged}`];
  return cells.map(visibleLine);
}

function cellsOf(run: ListedRun): string[] {
  const { name, model = "", dataset = "", steps = 0, totalSteps = "?", note = "" } = run;
  const state = `${steps}/${totalSteps}${run.running ? ", running" : ""}`;
  const cells =
    run.damaged === undefined
      ? [name, model, dataset, state, accuracyOf(run), note]
      : [name, "", "", "", "", `config.json or result.json ${run.damaged}`];
  return cells.map(visibleLine);
}

/** Of a run that is not done, the best so far, and after which step. */
function accuracyOf({ top1, best }: ListedRun): string {
  if (top1 !== undefined) return percent(top1);
  return best === undefined ? "" : `${percent(best.top1)} at ${best.step}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
