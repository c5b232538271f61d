/** The archive that a run starts from: fetched where it is missing, and looked over. */

import { openArchive } from "../archive/array-archive.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { checkWeights } from "../model/read-weights.js";
import type { RunConfig } from "../record/run-config.js";
import type { RunFolder } from "../record/run-folder.js";
import { modelsLike, zooModel } from "../zoo/models.js";
import { type FetchConsole, fetchMissingModel } from "./fetching.js";
import { type FineTuneOptions, type ModelledOptions, weightsPath } from "./options.js";
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
    throw missing(model, weights);
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

/**
 * Refuses a new run's weights that are not there and cannot be fetched, before anything else is read or fetched.
 * @throws UserError, also for a name that tells no architecture
 */
export async function requireWeights(options: ModelledOptions, folder: RunFolder): Promise<void> {
  const { model, fromScratch, offline } = options;
  parseArchitecture(model);
  // A run that goes on needs its first weights no more.
  if (fromScratch === true || (await exists(folder.config))) return;
  const weights = weightsPath(options);
  if (await exists(weights)) return;
  if (options.weights !== undefined) throw await noWeights(options.weights, options);
  if (offline === true || zooModel(model) === undefined) throw missing(model, weights);
}

/** What to say where the weights that a model's name means are not there. */
function missing(model: string, weights: string): UserError {
  const published = zooModel(model);
  if (published !== undefined)
    return new UserError(
      weights,
      "there is no such file",
      `the pretrained weights of ${published.name}`,
      `type: npx bit-download ${published.name}, or say where they are with --bit_pretrained_dir or --weights`,
    );
  const like = modelsLike(model);
  return new UserError(
    `--model ${model}`,
    `no published model has this name, and there is no ${weights}`,
    `one that is published or comes with the package, the nearest first: ${like.join(", ")}`,
    `type --model ${like[0]}; any other needs weights of your own (--weights FILE), or begins at random (--from_scratch)`,
  );
}
