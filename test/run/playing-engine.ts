/** An engine that plays losses and accuracies, for tests of what a run makes of them. */
import type { Engine, HostTensor, Session } from "../../src/engine/session.js";
import type { Graph } from "../../src/graph/graph-builder.js";
import { engine } from "../engine-for-tests.js";

/** An engine with losses of its own after a number of steps, and top-1 of its own in evaluations. */
export function playing(losses: Readonly<Record<number, number>>, top1: readonly number[]): Engine {
  const open = (graph: Graph): Session => {
    const session = engine.open(graph);
    let done = 0;
    let evaluations = 0;
    let batch = 0;
    const run: Session["run"] = async (feeds, fetches) => {
      const values = await session.run(feeds, fetches);
      if (fetches[0] === "train/step" && losses[++done] !== undefined)
        return [{ type: "float32", shape: [], data: Float32Array.of(losses[done]!) }];
      if (fetches[0] !== "eval/loss") return values;
      const top = values[1] as Extract<HostTensor, { readonly type: "int32" }>;
      // 12 images of 3 classes in turn, in two batches of 8.
      const right = top1[evaluations]!;
      const data = top.data.map((_, i) =>
        i % 3 === 0 && right > 0 ? (8 * batch + i / 3) % 3 : -1,
      );
      if (++batch === 2) [batch, evaluations] = [0, evaluations + 1];
      return [values[0]!, { ...top, data }, ...values.slice(2)];
    };
    return { run, close: () => session.close() };
  };
  return { ...engine, open };
}
