/** Logits of a trained model's own network, by which exports are judged. */
import { type Engine, floats } from "../engine/session.js";
import { loadWeights, networkOf, type TrainedModel } from "../run/trained-model.js";
import { openPredictProgram } from "../step/program.js";
import type { ImageShape } from "./format.js";

/**
 * Logits `[N,classes]` of images, in float32.
 * @param images row-major, in [-1, 1]
 * @throws UserError where the weights are damaged
 */
export async function networkLogits(
  trained: TrainedModel,
  engine: Engine,
  images: Float32Array,
  shape: ImageShape,
): Promise<Float32Array> {
  const program = await openPredictProgram(engine.open, networkOf(trained, engine, "fp32"), shape);
  try {
    await loadWeights(program, trained);
    const feeds = { images: { type: "float32", shape, data: images } } as const;
    const [logits] = await program.session.run(feeds, ["predict/logits"]);
    return floats(logits);
  } finally {
    program.session.close();
  }
}
