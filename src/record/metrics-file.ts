/** `metrics.jsonl`: each step and each evaluation of the run once, whatever was done again. */
import { readFile } from "node:fs/promises";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { GrowingFile } from "../disk/growing-file.js";
import type { TrainStart } from "../train/train.js";
import {
  type MetricsRow,
  metricsLine,
  readMetrics,
  stepMetrics,
  validationMetrics,
} from "./metrics.js";
import type { RunEvent } from "./run-events.js";
import type { RunFolder } from "./run-folder.js";
import type { RunSink } from "./run-sink.js";

/** Opens it, to append. */
export function openMetricsFile({ metrics: path }: RunFolder): RunSink {
  let file = new GrowingFile(path);
  return {
    event(event) {
      const row = rowOf(event);
      if (row !== undefined) file.append(Buffer.from(metricsLine(row, new Date())));
    },
    /** Takes out what a run did beyond the checkpoint from which it goes on, and does again. */
    async begin(start) {
      const rows = (await readFile(path, "utf8")).split(/(?<=\n)/);
      const kept = rows.filter((row) => isBefore(row, start));
      if (kept.length === rows.length) return;
      const bytes = new TextEncoder().encode(kept.join(""));
      await writeFileAtomically(path, (append) => append(bytes));
      file.close();
      file = new GrowingFile(path);
    },
    close: () => file.close(),
  };
}

function rowOf(event: RunEvent): MetricsRow | undefined {
  if (event.type === "step") return stepMetrics(event);
  if (event.type === "validation") return validationMetrics(event.at, event);
  return undefined;
}

/** Whether a row tells of what was done at the start. */
function isBefore(line: string, start: TrainStart): boolean {
  // None: the process was killed while it wrote the row.
  const row = readMetrics(line);
  if (row === undefined) return false;
  if ("step" in row) return row.step < start.step;
  const { validation } = row;
  if (validation === "end") return false;
  return validation < start.step || (validation === start.step && start.evaluated);
}
