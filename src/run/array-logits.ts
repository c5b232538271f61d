/** What a model makes of batches of arrays. */
import { readNpy } from "../archive/npy.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { openPredictProgram } from "../step/program.js";
import type { Network } from "../step/train-step.js";
import {
  type ImageLogitsOptions,
  type Outcome,
  outcomesOf,
  predictFetches,
} from "./image-logits.js";
import { outOfMemory, requireMemory } from "./image-memory.js";
import type { ArrayInputs } from "./predict-inputs.js";
import { defaultBatch, loadWeights, type TrainedModel } from "./trained-model.js";

/**
 * As `imageLogits`, for arrays, which are fed as they are.
 * @throws UserError where values are none of an image's
 */
export async function* arrayLogits(
  { files, height, width }: ArrayInputs,
  trained: TrainedModel,
  network: Network,
  options: Pick<ImageLogitsOptions, "batch" | "withFeatures" | "explained">,
  engine: Engine,
): AsyncGenerator<readonly Outcome[]> {
  const total = files.reduce((sum, { count }) => sum + count, 0);
  const batch = Math.min(options.batch ?? defaultBatch(trained, height * width), total);
  const atATime = { size: [height, width], batch } as const;
  requireMemory(trained, atATime, network.target.computeType);
  const shape = [batch, height, width, 3] as const;
  const program = await openPredictProgram(engine.open, network, shape, options.explained);
  const { session } = program;
  const data = new Float32Array(batch * height * width * 3);
  const logits = async (count: number): Promise<Outcome[]> => {
    const feeds = { images: { type: "float32", shape, data } } as const;
    return outcomesOf(await session.run(feeds, predictFetches(options)), batch).slice(0, count);
  };
  try {
    await loadWeights(program, trained);
    let filled = 0;
    for (const { path } of files) {
      const values = (await readNpy(path)).data as Float32Array;
      checkRange(path, values);
      for (let start = 0; start < values.length; ) {
        const part = values.subarray(start, start + data.length - filled);
        data.set(part, filled);
        filled += part.length;
        start += part.length;
        if (filled < data.length) continue;
        yield await logits(batch);
        filled = 0;
      }
    }
    if (filled > 0) yield await logits(filled / (height * width * 3));
  } catch (error) {
    throw outOfMemory(error, trained, atATime) ?? error;
  } finally {
    session.close();
  }
}

// Some resizing filters overshoot a little; pixels of 0 to 255 or standardized ones are no such case.
const largestMagnitude = 1.5;

/**
 * Refuses values that are none of an image's.
 * @param path where they are from, for the message
 * @throws UserError
 */
export function checkRange(path: string, values: Float32Array): void {
  let low = 0;
  let high = 0;
  let finite = true;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
    finite &&= Number.isFinite(value);
  }
  if (finite && low >= -largestMagnitude && high <= largestMagnitude) return;
  const got = finite ? `values from ${low} to ${high}` : "values that are not finite";
  throw new UserError(
    path,
    got,
    "values in [-1, 1], fed to the model as they are",
    "scale pixels of 0 to 255 first: (x - 127.5) / 127.5",
  );
}
