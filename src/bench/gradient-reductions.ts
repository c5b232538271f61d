/** What a training step reduces, by the graph that trains. */
import { sizeOf } from "../archive/shape.js";
import { Collectives } from "../graph/collectives.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { ElementType } from "../graph/types.js";
import { variableSpecs } from "../model/architecture.js";
import { addTrainStep, type Network } from "../step/train-step.js";
import { declareVariables } from "../step/variables.js";

/** An array that all processes reduce together. */
export interface Reduction {
  readonly type: ElementType;
  readonly bytes: number;
}

const bytesOf: Partial<Record<ElementType, number>> = { float32: 4, bfloat16: 2, float16: 2 };

/**
 * Traces a training step of several processes, and tells what it reduces, in the order in which it is there.
 * @param network what is trained
 * @param batch images of a step of one process
 */
export async function gradientReductions(network: Network, batch: number): Promise<Reduction[]> {
  const builder = new GraphBuilder();
  // Two or more reduce the same.
  const collectives = new Collectives(builder, 2);
  const specs = variableSpecs(network.architecture, network.classes);
  const variables = declareVariables(builder, specs, network.target);
  // Their size plays no part.
  const images = builder.placeholder("bench/images", "float32", [batch, 32, 32, 3]);
  const labels = builder.placeholder("bench/labels", "int32", [batch]);
  const options = { mixup: false, split: 1, collectives };
  await addTrainStep(builder, network, variables, { images, labels }, options);
  return collectives.reductions.map(({ type, shape }) => {
    const size = bytesOf[type];
    if (size === undefined) throw new Error(`gradients of ${type} are not reduced`);
    return { type, bytes: size * sizeOf(shape) };
  });
}
