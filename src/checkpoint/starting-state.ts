/** What a program's variables begin with: a checkpoint, pretrained weights, or random values. */
import { openArchive } from "../archive/array-archive.js";
import { NpzReader } from "../archive/npz-reader.js";
import { UserError } from "../errors.js";
import type { RunConfig } from "../record/run-config.js";
import type { RunSinks } from "../record/run-sinks.js";
import { loadArchive, randomValues } from "../step/initial-values.js";
import type { TrainProgram } from "../step/program.js";
import { assignVariables } from "../step/variables.js";
import { readPosition, restoreOptimizer } from "./checkpoint.js";
import type { FoundCheckpoint } from "./find-checkpoint.js";

/** Gives the variables their values; returns the number of steps that are done already. */
export async function setVariables(
  program: TrainProgram,
  config: RunConfig,
  resumed: FoundCheckpoint | undefined,
  log: Pick<RunSinks, "info">,
): Promise<number> {
  const { session, variables } = program;
  await session.run({}, ["train/initialize"]);
  const path = resumed?.archive ?? config.weights;
  if (path === null) {
    log.info("Starting from random weights");
    await assignVariables(session, randomValues(variables, config.seed));
    return 0;
  }
  const archive = await openArchive(path);
  try {
    const fit = { model: config.model, newHead: resumed === undefined };
    await loadArchive(session, archive, variables, fit);
    if (resumed === undefined) {
      log.info(`Fine-tuning from ${path}, with a new head`);
      return 0;
    }
  } finally {
    await archive.close();
  }
  const optimizer = await NpzReader.open(resumed.optimizer);
  try {
    await restoreOptimizer(optimizer, program);
    const position = await readPosition(optimizer, resumed.manifest);
    if (position === undefined) throw notOurs(resumed.optimizer);
    log.info(`Resumed at step ${position.steps}`);
    return position.steps;
  } finally {
    await optimizer.close();
  }
}

function notOurs(path: string): UserError {
  return new UserError(
    path,
    "does not say at which step it was written",
    "a checkpoint that bit-train wrote",
    "choose another --name, and start from the checkpoint.npz beside it with --weights",
  );
}
