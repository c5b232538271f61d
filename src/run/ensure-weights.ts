/** The archive that a run starts from: fetched where it is missing, and looked over. */

import { openArchive } from "../archive/array-archive.js";
import { perhaps } from "../close-names.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { checkWeights } from "../model/read-weights.js";
import type { RunConfig } from "../record/run-config.js";
import { ZOO, zooModel } from "../zoo/models.js";
import { type FetchConsole, fetchMissingModel } from "./fetching.js";
import type { FineTuneOptions } from "./options.js";
import { noWeights } from "./starting-weights.js";

/**
 * Finds out before anything is made or written whether a run can start from its weights, which are
 * downloaded where they are missing and published. All but the head, which starts anew, is read.
 * @returns what is to be said of them in the run's log, where they are not as official ones
 */
export async function ensureWeights(
  { weights, model, classNames }: RunConfig,
  options: FineTuneOptions,
  observer: FetchConsole,
): Promise<string | undefined> {
  if (weights === null) return undefined;
  if (options.weights === undefined)
    await fetchMissingModel(model, options.bitPretrainedDir ?? ".", options, observer);
  if (!(await exists(weights))) {
    if (options.weights !== undefined) throw await noWeights(options.weights, options);
    const names = ZOO.map(({ name }) => name);
    const near = zooModel(model) === undefined ? perhaps(model, names) : undefined;
    const suggestion = near === undefined ? "" : `no published model is ${model}, ${near}; or `;
    throw new UserError(
      weights,
      "there is no such file",
      `the pretrained weights of ${model}`,
      `${suggestion}type: npx bit-download ${model}, or say where they are with --bit_pretrained_dir or --weights`,
    );
  }
  // Checksums are compared when the weights are loaded; here they are read for their values alone.
  const archive = await openArchive(weights, { verify: false });
  try {
    const specs = variableSpecs(parseArchitecture(model), classNames.length);
    const arrays = archive.names.map((name) => archive.entry(name));
    const fitted = fitArchive(specs, arrays, { where: weights, model, newHead: true });
    await checkWeights(archive, fitted, specs, observer.signal);
    return fitted.note;
  } finally {
    await archive.close();
  }
}
