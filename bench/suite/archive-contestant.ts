/** How long weights take from an .npz into the engine's variables. */
import { NpzReader } from "../../src/archive/npz-reader.js";
import { timeSteps } from "../../src/bench/step-timing.js";
import type { OpenedEngine } from "../../src/engine/open.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { loadArchive } from "../../src/step/initial-values.js";
import { declareVariables } from "../../src/step/variables.js";
import type { Report } from "./report.js";

export interface ArchiveTask {
  readonly archive: string;
  readonly model: string;
  /** Of the archive's head, which is read too. */
  readonly classes: number;
  readonly steps: number;
}

/**
 * Reads the archive `steps` times as a run does: open, check, and assign every array. Once before
 * that untimed, so that the file is in the system's cache.
 */
export async function measureArchive(engine: OpenedEngine, task: ArchiveTask): Promise<Report> {
  const { archive, model, classes, steps } = task;
  const builder = new GraphBuilder();
  const specs = variableSpecs(parseArchitecture(model), classes);
  const variables = declareVariables(builder, specs, engine.target);
  const session = engine.open(builder.build());
  try {
    const read = async () => {
      const reader = await NpzReader.open(archive);
      try {
        await loadArchive(session, reader, variables, { model, newHead: false });
      } finally {
        await reader.close();
      }
    };
    await read();
    const times = await timeSteps(steps, read);
    return {
      steps_ms: times.wallMs,
      steps_cpu_ms: times.cpuMs,
      other_cpu_share: times.otherShare,
      batch: 1,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    session.close();
  }
}
