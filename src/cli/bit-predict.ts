/** `bit-predict`: what a trained model makes of images. */

import { UserError } from "../errors.js";
import { isRunFolder } from "../run/model-at-path.js";
import { type PredictOptions, predict } from "../run/predict.js";
import type { Call } from "./command.js";
import { FetchProgress } from "./fetch-progress.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { oneModel } from "./one-model.js";
import { openEngine } from "./open-engine.js";
import { output, ReaderGone } from "./output.js";
import { PredictionRows } from "./prediction-rows.js";
import { pathsFromInput } from "./standard-input.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"predict">): Promise<number> {
  const { run: folder, weights, top, json, ...others } = settings;
  const { inputs, source } = await chooseModel(positional, folder, weights);
  const options: PredictOptions = { ...others, top, inputs, source };
  const engine = openEngine(settings.device);

  const rows = new PredictionRows({ top, json });
  // On a terminal the rows are progress enough, and a bar would be drawn among them.
  const progress = output.isSeen ? undefined : new ImageProgress("predicting");
  const fetches = new FetchProgress();
  const { logits, features, csv, annotate, explain } = options;
  const files = [logits, features, csv, annotate, explain].filter((path) => path !== undefined);
  const ended = await interruptible(
    async (signal) => {
      let done = 0;
      const printed = async (count: number) => {
        progress?.update(++done, count);
        await output.flowing().catch((error: unknown) => {
          // The files are wanted all the same.
          if (!(error instanceof ReaderGone) || files.length === 0) throw error;
        });
      };
      try {
        const { line, fetching } = fetches;
        return await predict(options, engine, {
          ...{ line, fetching, signal, begun: rows.begun },
          predicted: (prediction, count) => {
            rows.predicted(prediction);
            return printed(count);
          },
          skipped: (image, count) => {
            rows.skipped(image);
            return printed(count);
          },
        });
      } finally {
        fetches.close();
        progress?.close();
        rows.listSkipped();
      }
    },
    () =>
      files.length === 0 ? "Stopped." : `Stopped; nothing was written to ${files.join(", ")}.`,
  );
  if (ended.stopped) return ended.exit;
  rows.end();
  return 0;
}

/** Divides what was given into inputs and the one thing that predicts. */
async function chooseModel(
  positional: readonly string[],
  run: string | undefined,
  weights: string | undefined,
): Promise<{ inputs: string[]; source: string }> {
  const inputs: string[] = [];
  let listed: readonly string[] | undefined;
  const sources = [run, weights].filter((source) => source !== undefined);
  for (const input of positional) {
    if (input === "-") {
      if (listed !== undefined) throw twice();
      listed = await pathsFromInput();
      inputs.push(...listed);
    } else if (await isRunFolder(input)) sources.push(input);
    else inputs.push(input);
  }
  const expected = "one run's folder, one .npz or safetensors with a head, or one published model";
  return { inputs, source: await oneModel("bit-predict", sources, "to predict with", expected) };
}

function twice(): UserError {
  return new UserError("-", "given twice", "standard input once", "leave one of them out");
}
