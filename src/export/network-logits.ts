/** Logits of a trained model's own network, by which exports are judged; some are such models themselves. */
import { type Engine, floats } from "../engine/session.js";
import {
  findTrainedModel,
  loadWeights,
  networkOf,
  type TrainedModel,
} from "../run/trained-model.js";
import { openPredictProgram } from "../step/program.js";
import type { ExportedModel, ImageShape } from "./format.js";

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

/**
 * Opens an export whose form bit-train's own commands take.
 * @param source its folder or archive
 * @throws UserError where its files are damaged or do not fit each other
 */
export async function openTrainedModel(source: string, engine: Engine): Promise<ExportedModel> {
  const trained = await findTrainedModel(source);
  return {
    classNames: trained.classNames,
    size: trained.crop,
    resize: trained.resize,
    logits: (images, shape) => networkLogits(trained, engine, images, shape),
    close: () => undefined,
  };
}
