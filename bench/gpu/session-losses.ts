/** The losses of a step's first runs, through a session: the product's on a device, or the CPU engine's. */
import { floats, type HostTensor, type Session } from "../../src/engine/session.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { madeValues } from "./made-values.js";
import { classes, labelsOf, type StepRequest } from "./step.js";

/**
 * Five steps, from made values, on one batch; then the session is closed.
 * @param session on the graph of `graphOf`
 */
export async function sessionLosses(
  session: Session,
  { model, batch, size }: StepRequest,
): Promise<number[]> {
  const made = (name: string, shape: readonly number[]): HostTensor => {
    return { type: "float32", shape, data: Float32Array.from(madeValues(name, shape)) };
  };
  for (const { name, shape } of variableSpecs(parseArchitecture(model), classes))
    await session.run({ [`${name}/new`]: made(name, shape) }, [`${name}/assigned`]);
  await session.run({}, ["train/initialize"]);
  const feeds = {
    images: made("images", [batch, size, size, 3]),
    labels: { type: "int32", shape: [batch], data: labelsOf(batch) },
    "train/learning_rate": made("train/learning_rate", []),
  } as const;
  const losses: number[] = [];
  for (let i = 0; i < 5; i++) {
    const [loss] = await session.run(feeds, ["train/step"]);
    losses.push(floats(loss)[0]!);
  }
  session.close();
  return losses;
}
