/** bit-train's own way: the step that training and evaluation run, as one traced graph. */
import type { OpenedEngine } from "../engine/open.js";
import { floats, type Session, scalar } from "../engine/session.js";
import { Collectives, type WireType } from "../graph/collectives.js";
import { type Graph, GraphBuilder } from "../graph/graph-builder.js";
import { divided } from "../graph/ops.js";
import { canStandardizeAhead } from "../graph/target.js";
import { variableSpecs } from "../model/architecture.js";
import { inPrecision } from "../run/precision.js";
import { addEvalStep } from "../step/eval-step.js";
import { addTrainStep, type Network } from "../step/train-step.js";
import { assignVariables, declareVariable, declareVariables } from "../step/variables.js";
import {
  type BenchTask,
  benchLearningRate,
  type Contestant,
  initialVariables,
  labelsInTurn,
  randomImages,
  timed,
} from "./task.js";

/** Processes that train together, as one of them sees them. */
export interface Ranks {
  readonly ranks: number;
  /** Opens the session that computes together with those of the others. */
  readonly open: (graph: Graph) => Session;
  /** What gradients are sent as. */
  readonly wire: WireType;
}

/**
 * Traces the task's step into a session. Images lie in a variable there, so none are fed.
 * @param joint where several processes train together: each has a batch of the task's
 */
export async function graphContestant(
  engine: OpenedEngine,
  task: BenchTask,
  joint?: Ranks,
): Promise<Contestant & { readonly reductions: number }> {
  const { architecture, classes, mode } = task;
  const preparationMs: Record<string, number> = {};
  const target = inPrecision(engine.target, task.precision);
  // As in `networkOf`: what only evaluates standardizes its kernels once.
  const kernels = mode === "eval" && canStandardizeAhead(target) ? "standardized" : "raw";
  const network: Network = { architecture, classes, kernels, remat: task.remat, target };
  const images = randomImages(task);
  const imageSpec = { name: "bench/images", shape: images.shape };

  let collectives: Collectives | undefined;
  const graph = await timed(preparationMs, "trace", async () => {
    const builder = new GraphBuilder();
    const specs = variableSpecs(architecture, classes);
    const variables = declareVariables(builder, specs, target, kernels);
    const batch = {
      // As a run's: each device has its share of the batch.
      images: divided(builder, declareVariable(builder, imageSpec).read),
      labels: divided(builder, builder.placeholder("bench/labels", "int32", [task.batch])),
    };
    collectives = joint && new Collectives(builder, joint.ranks);
    if (mode === "train")
      await addTrainStep(builder, network, variables, batch, {
        mixup: false,
        split: 1,
        collectives,
        wire: joint?.wire,
      });
    else await addEvalStep(builder, network, variables, batch);
    return builder.build();
  });
  const session = await timed(preparationMs, "load", () => (joint ?? engine).open(graph));
  await timed(preparationMs, "variables", async () => {
    for (const entry of initialVariables(task, inTurn())) await assignVariables(session, [entry]);
    await assignVariables(session, [[imageSpec, images.data]]);
    if (mode === "train") await session.run({}, ["train/initialize"]);
  });

  const feeds = {
    "bench/labels": labelsInTurn(task),
    ...(mode === "train" ? { "train/learning_rate": scalar("float32", benchLearningRate) } : {}),
    ...(joint && mode === "train" ? { "train/stop": scalar("float32", 0) } : {}),
  };
  const fetches = mode === "train" ? ["train/step"] : ["eval/loss", "eval/top"];
  return {
    preparationMs,
    reductions: collectives?.reductions.length ?? 0,
    images: "in a variable of the session",
    step: async () => {
      const [loss] = await session.run(feeds, fetches);
      const losses = floats(loss);
      return losses.reduce((sum, one) => sum + one, 0) / losses.length;
    },
    close: () => session.close(),
  };
}

/** Gives the same memory again and again. What a run never has would otherwise count in its peak. */
function inTurn() {
  let memory = new Float32Array(0);
  return (size: number) => {
    if (size > memory.length) memory = new Float32Array(size);
    return memory.subarray(0, size);
  };
}
