/** What a network predicts of made-up images with made-up variables, the same each time. */
import { floats } from "../../src/engine/session.js";
import type { Target } from "../../src/graph/target.js";
import { parseArchitecture } from "../../src/model/architecture.js";
import type { KernelForm } from "../../src/model/resnet.js";
import { openPredictProgram } from "../../src/step/program.js";
import { assignVariables } from "../../src/step/variables.js";
import { imageValues, variableValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";

/** Logits `[N,5]` of R26x1 for images `[N,H,W,3]`. */
export async function networkLogits(
  target: Target,
  [n, h, w]: readonly [number, number, number],
  kernels?: KernelForm,
): Promise<Float32Array> {
  const network = { architecture: parseArchitecture("R26x1"), classes: 5, kernels, target };
  const shape = [n, h, w, 3] as const;
  const { session, variables } = await openPredictProgram(engine.open, network, shape);
  try {
    const values = variables.map((spec) => [spec, variableValues(spec)] as const);
    await assignVariables(session, values);
    const images = { type: "float32", shape, data: imageValues(n, h, w) } as const;
    return floats((await session.run({ images }, ["predict/logits"]))[0]);
  } finally {
    session.close();
  }
}
