/** What a run is to start from, as the user says: a model's name, an archive, or another run. */
import { basename } from "node:path";
import { openArchive } from "../archive/array-archive.js";
import { exists } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { parseArchitecture } from "../model/architecture.js";
import { readRecord } from "../record/archive-record.js";
import { runFolder } from "../record/run-folder.js";
import { readRun } from "../record/run-record.js";
import { readJson } from "../record/versioned-json.js";
import { correctRun } from "../report/near-runs.js";
import { hubModel } from "../zoo/hub-folder.js";
import { isHubName } from "../zoo/hub-repository.js";
import { zooModel } from "../zoo/models.js";
import { type FetchConsole, findSource, modelNames } from "./fetching.js";
import { modelAtPath } from "./model-at-path.js";
import type { FineTuneOptions, ModelledOptions } from "./options.js";
import { sampleModel } from "./sample-model.js";

/**
 * Finds the archive that `weights` means, where it is a run, one of its checkpoints or a model's name, and
 * which model it holds, where its run, the archive itself or else its file's name tells.
 * @throws UserError where nothing tells the model, `model` is of another architecture, or the weights are
 *   to be random as well
 */
export async function resolveWeights(
  wishes: FineTuneOptions,
  observer: FetchConsole,
): Promise<ModelledOptions> {
  const options = await withNamedModel(wishes, observer);
  const { weights, model } = options;
  if (wishes.weights !== undefined && wishes.fromScratch === true)
    throw new UserError(
      `--weights ${wishes.weights}`,
      "--from_scratch as well, which starts from random weights",
      "one of the two",
      "leave --from_scratch out, or type --no-from_scratch where a --config file sets it; or leave out --weights",
    );
  if (weights === undefined || !(await exists(weights))) {
    const known = model ?? (weights === undefined ? undefined : await modelBegun(options));
    if (known !== undefined) return { ...options, model: known };
    throw weights === undefined ? withoutModel(undefined) : await noWeights(weights, options);
  }
  const { archive, folder } = await modelAtPath(weights);
  const told = (await modelIn(archive)) ?? (folder && (await readRun(folder)).model);
  const known = model ?? told ?? modelInName(archive);
  if (known === undefined) throw withoutModel(weights);
  const [asked, found] = [known, told ?? known].map((name) => parseArchitecture(name).name);
  if (asked === found) return { ...options, model: known, weights: archive };
  throw new UserError(
    `--model ${known}`,
    `${weights} holds a model of another architecture, ${told}`,
    `${found}, or no --model: the weights tell it`,
    `type --model ${told}, or give other --weights`,
  );
}

/** With the archive or folder of a model that `weights` names as `model` does: embedded, published, or of the Hub. */
async function withNamedModel(
  options: FineTuneOptions,
  observer: FetchConsole,
): Promise<FineTuneOptions> {
  const { weights, model, bitPretrainedDir = "." } = options;
  if (weights === undefined) return options;
  const isOurs = weights === sampleModel || zooModel(weights)?.name === weights;
  if (!(isOurs || isHubName(weights)) || (await exists(weights))) return options;
  // Fetched when the run's other settings are known to be fit, as --model alone is.
  if (isOurs && (model === undefined || model === weights))
    return { ...options, model: weights, weights: undefined };
  return { ...options, weights: await findSource(weights, bitPretrainedDir, options, observer) };
}

async function modelIn(path: string): Promise<string | undefined> {
  const archive = await openArchive(path);
  try {
    const hub = await hubModel(archive);
    return (await readRecord(archive))?.model ?? hub?.architecture.name;
  } finally {
    await archive.close();
  }
}

/** What a file is called, where that tells an architecture. */
function modelInName(path: string): string | undefined {
  const name = basename(path).replace(/\.[^.]*$/, "");
  try {
    parseArchitecture(name);
    return name;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** The model of the run that the options go on with: it needs its first weights no more. */
async function modelBegun({ name, logdir }: FineTuneOptions): Promise<string | undefined> {
  if (name === undefined) return undefined;
  const config = await readJson(runFolder(logdir ?? "bit_logs", name).config);
  const { model } = config ?? {};
  return typeof model === "string" ? model : undefined;
}

/** What to say where weights are named that are not there: an archive's path, or a run. */
export async function noWeights(
  weights: string,
  { logdir = "bit_logs" }: Pick<FineTuneOptions, "logdir">,
): Promise<UserError> {
  return new UserError(
    `--weights ${weights}`,
    "there is no such file or folder",
    "an .npz, safetensors, a run of bit-train or one of its checkpoints, or a published model's name",
    await correctRun(weights, [logdir], modelNames),
  );
}

/** What to say where nothing tells which model is to be trained. */
export function withoutModel(weights: string | undefined): UserError {
  const got =
    weights === undefined
      ? "no model to fine-tune"
      : `no model to fine-tune: ${weights} does not say which it holds`;
  return new UserError(
    "bit-train",
    got,
    "--model, or --weights that tell it: a run of bit-train, or a file with a model's name",
    "type for example: --model BiT-M-R50x1",
  );
}
