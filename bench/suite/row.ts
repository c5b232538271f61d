/** What bench/row.mjs does in a process of its own. */
import { openEngine } from "../../src/engine/open.js";
import { type ArchiveTask, measureArchive } from "./archive-contestant.js";
import { makePhotos, type PhotoSet } from "./photos.js";
import { measurePipeline, type PipelineTask } from "./pipeline-contestant.js";
import type { Report } from "./report.js";

export type RowTask =
  | ({ readonly kind: "pipeline" } & PipelineTask)
  | ({ readonly kind: "archive" } & ArchiveTask)
  | ({ readonly kind: "photos"; readonly folder: string } & PhotoSet);

/** Does what `task` says; making photos gives an empty object. */
export async function runRow(task: RowTask): Promise<Report | Record<string, never>> {
  const engine = openEngine();
  switch (task.kind) {
    case "pipeline":
      return measurePipeline(engine, task);
    case "archive":
      return measureArchive(engine, task);
    case "photos":
      await makePhotos(engine, task.folder, task);
      return {};
  }
}
