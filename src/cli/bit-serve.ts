/** `bit-serve`: a trained model behind HTTP. */

import { once } from "node:events";
import { inspect } from "node:util";
import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import { loadModel } from "../library/loaded-model.js";
import type { Model } from "../library/model.js";
import { namedRun } from "../report/near-runs.js";
import { type AccessRecord, openService } from "../serve/service.js";
import { warmUp } from "../serve/warm-up.js";
import type { Call } from "./command.js";
import { FetchProgress } from "./fetch-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/** Runs the command: until it is told to stop. */
export async function run({ settings, positional }: Call<"serve">): Promise<number> {
  const [source, ...rest] = positional;
  if (source === undefined || rest.length > 0)
    throw new UserError(
      "bit-serve",
      source === undefined
        ? "no model to serve"
        : `${counted(positional.length, "model")}: ${positional}`,
      "one run's folder, one .npz with a head, or one published model",
      `type for example: ${await namedRun("npx bit-serve")}`,
    );
  const ended = await interruptible(
    (signal) => serve(source, settings, signal),
    () => "Stopped; what had come was answered.",
  );
  return ended.stopped ? ended.exit : 0;
}

async function serve(
  source: string,
  settings: Call<"serve">["settings"],
  signal: AbortSignal,
): Promise<void> {
  const { host, port, top, maxBytes, maxPixels, maxWaiting, timeout, accessLog } = settings;
  const allowHost = (settings.allowHost ?? "").split(",").map((name) => name.trim());
  const limits = { top, maxBytes, maxPixels, maxWaiting, timeout };
  // A log whose reader has stopped would fill the memory: lines are left out until it goes on.
  const logged = (record: AccessRecord) => {
    if (!output.isBehind) output.line(JSON.stringify(record));
  };
  await using model = await load(source, settings, signal);
  await warmUp(model, signal);
  const service = await openService(
    model,
    { host, port, allowHost: allowHost.filter((name) => name !== ""), ...limits },
    {
      answered: accessLog ? logged : undefined,
      failed: (error) => output.note(error instanceof UserError ? error.message : inspect(error)),
    },
  );
  const { name, classes, precision } = model;
  output.line(
    `${name} of ${counted(classes, "class", "classes")}, ${precision}, at ${service.url}`,
  );
  if (!signal.aborted) await once(signal, "abort");
  await service.stop();
  signal.throwIfAborted();
}

/** Loads the model, and says what people should know of it. */
async function load(
  source: string,
  settings: Call<"serve">["settings"],
  signal: AbortSignal,
): Promise<Model> {
  const { best, bitPretrainedDir, model: name, size, batch, precision } = settings;
  const { resize, workers, offline, baseUrl, device } = settings;
  const engine = openEngine(device);
  const fetches = new FetchProgress();
  const { line: note, fetching } = fetches;
  let model: Model;
  try {
    model = await loadModel(source, {
      ...{ engine, best, bitPretrainedDir, model: name, size, batch, precision },
      ...{ resize, workers, offline, baseUrl, note, fetching, signal },
    });
  } finally {
    fetches.close();
  }
  for (const note of model.notes) output.note(`note: ${note}`);
  return model;
}
