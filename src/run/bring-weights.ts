/** The archive that a run starts from: fetched where it is missing, and looked over. */

import { exists } from "../archive/file-reading.js";
import { NpzReader } from "../archive/npz-reader.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { fetchMissingModel } from "./fetching.js";
import type { FineTuneOptions, RunConfig } from "./options.js";
import type { RunConsole } from "./train-run.js";

/**
 * Finds out before anything is made or written whether a run can start from its weights, which are
 * downloaded where they are missing and published.
 */
export async function bringWeights(
  { weights, model, classNames }: RunConfig,
  options: FineTuneOptions,
  console: RunConsole,
): Promise<void> {
  if (weights === null) return;
  if (options.weights === undefined)
    await fetchMissingModel(model, options.bitPretrainedDir ?? ".", options, console);
  if (!(await exists(weights))) {
    throw new UserError(
      weights,
      "there is no such file",
      `the pretrained weights of ${model}`,
      `type: npx bit-download ${model}, or say where they are with --bit_pretrained_dir or --weights`,
    );
  }
  const archive = await NpzReader.open(weights);
  try {
    const specs = variableSpecs(parseArchitecture(model), classNames.length);
    const arrays = archive.names.map((name) => archive.entry(name));
    fitArchive(specs, arrays, { where: weights, model, newHead: true });
  } finally {
    await archive.close();
  }
}
