/** What a training step reduces, by the graph that trains. */
import { sizeOf } from "../archive/shape.js";
import { Collectives, type WireType } from "../graph/collectives.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { variableSpecs } from "../model/architecture.js";
import { addTrainStep, type Network } from "../step/train-step.js";
import { declareVariables } from "../step/variables.js";

/** An array that all processes reduce together. */
export interface Reduction {
  readonly type: WireType;
  readonly bytes: number;
}

/** Bytes of a value of each type that gradients are sent as. */
const wireBytes: Readonly<Record<WireType, number>> = { float32: 4, bfloat16: 2 };

/** Bytes of arrays of these shapes, as they are sent. */
export function sentBytes(shapes: readonly (readonly number[])[], wire: WireType): number {
  return shapes.reduce((sum, shape) => sum + wireBytes[wire] * sizeOf(shape), 0);
}

/**
 * Traces a training step of several processes, and tells what it reduces, in the order in which it is there.
 * @param network what is trained
 * @param wire what gradients are sent as
 * @param processes at least 2
 */
export async function gradientReductions(
  network: Network,
  wire: WireType,
  processes: number,
): Promise<Reduction[]> {
  const builder = new GraphBuilder();
  const collectives = new Collectives(builder, processes);
  const specs = variableSpecs(network.architecture, network.classes);
  const variables = declareVariables(builder, specs, network.target);
  // How many and how large plays no part.
  const images = builder.placeholder("bench/images", "float32", [1, 32, 32, 3]);
  const labels = builder.placeholder("bench/labels", "int32", [1]);
  const options = { mixup: false, split: 1, collectives, wire };
  await addTrainStep(builder, network, variables, { images, labels }, options);
  return collectives.reductions.map(({ type, shape }) => {
    if (type !== "float32" && type !== "bfloat16")
      throw new Error(`gradients of ${type} are not reduced`);
    return { type, bytes: sentBytes([shape], type) };
  });
}
