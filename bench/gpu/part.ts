/** One part of the check in a process of its own: `node part.js '{"part": ..., ...}'`. */
import { costAhead } from "./ahead.js";
import { bounds } from "./bounds.js";
import { correct } from "./correct.js";
import { kindsOf } from "./hlo-traffic.js";
import { limits } from "./limits.js";
import { compileOnly, speed } from "./speed.js";
import { check, note, type PartTask } from "./task.js";

/** The step for a card that is not there, within its bounds. */
async function ahead(task: PartTask): Promise<void> {
  const cost = await costAhead(task.plugin, task.target!, task.request);
  note(
    task,
    `compiled in ${cost.seconds.toFixed(1)} s; ${cost.launches} launches; ${kindsOf(cost)}`,
  );
  for (const { what, ok, detail } of bounds(cost)) check(task, what, ok, detail);
}

const parts = { correct, compile: compileOnly, speed, limits, ahead };
const task = JSON.parse(process.argv[2]!) as PartTask;
await parts[task.part](task);
// What the plugin's threads still do is of no interest.
process.exit(0);
