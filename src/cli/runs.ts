/** `bit-train runs`: the runs that are there. */
import { type ListedRun, listRuns } from "../report/list-runs.js";
import { inColumns } from "./columns.js";
import type { Call } from "./command.js";
import { output } from "./output.js";
import { visibleLine } from "./visible.js";

/** Runs the command. */
export async function run({ settings }: Call<"runs">): Promise<number> {
  const runs = await listRuns(settings.logdir);
  if (settings.json) output.result(JSON.stringify({ runs }));
  else if (runs.length === 0) output.result(`No runs in ${settings.logdir}`);
  else output.result(tableOf(runs).join("\n"));
  return 0;
}

function tableOf(runs: readonly ListedRun[]): string[] {
  const header = ["run", "model", "dataset", "steps", "top-1", "note"];
  return inColumns([header, ...runs.map(cellsOf)], [3, 4]);
}

function cellsOf(run: ListedRun): string[] {
  const { name, model = "", dataset = "", steps = 0, totalSteps = "?", top1, note = "" } = run;
  const cells =
    run.damaged === undefined
      ? [
          name,
          model,
          dataset,
          `${steps}/${totalSteps}`,
          top1 === undefined ? "" : percent(top1),
          note,
        ]
      : [name, "", "", "", "", `config.json or result.json ${run.damaged}`];
  return cells.map(visibleLine);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
