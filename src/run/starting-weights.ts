/** What a run is to start from, as the user says: a model's name, an archive, or another run. */

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
import { type FetchConsole, findSource } from "./fetching.js";
import { modelAtPath } from "./model-at-path.js";
import type { FineTuneOptions, ModelledOptions } from "./options.js";

/**
 * Finds the archive that `weights` means, where it is a run or one of its checkpoints, and which model
 * it holds, where its run or the archive itself tells.
 * @throws UserError where nothing tells the model, `model` is of another architecture, or the weights are
 *   to be random as well
 */
export async function resolveWeights(
  wishes: FineTuneOptions,
  observer: FetchConsole,
): Promise<ModelledOptions> {
  const options = await withFolder(wishes, observer);
  const { weights, model, fromScratch } = options;
  if (weights !== undefined && fromScratch === true)
    throw new UserError(
      `--weights ${weights}`,
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
  const known = model ?? told;
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

/** With the folder of a model of the Hub that `weights` names. */
async function withFolder(
  options: FineTuneOptions,
  observer: FetchConsole,
): Promise<FineTuneOptions> {
  const { weights, bitPretrainedDir = "." } = options;
  if (weights === undefined || !isHubName(weights)) return options;
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
    "an .npz, safetensors, a run of bit-train or one of its checkpoints",
    await correctRun(weights, [logdir]),
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
    "--model, or --weights with a run of bit-train or one of its checkpoints",
    "type for example: --model BiT-M-R50x1",
  );
}
