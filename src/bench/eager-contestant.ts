/** The textbook model, computed operation by operation by TF.js's native backend. */
import * as tf from "@tensorflow/tfjs";
import { useEagerBackend } from "../engine/eager.js";
import type { OpenedEngine } from "../engine/open.js";
import type { Parameters } from "../model/resnet.js";
import {
  type BenchTask,
  benchLearningRate,
  benchMomentum,
  type Contestant,
  initialVariables,
  labelsInTurn,
  randomImages,
  timed,
} from "./task.js";
import { textbookForward } from "./textbook-model.js";

/** Makes ready what a user of TF.js would write: variables, an optimizer, and `minimize`. */
export async function eagerContestant(engine: OpenedEngine, task: BenchTask): Promise<Contestant> {
  const { architecture, classes, mode } = task;
  const preparationMs: Record<string, number> = {};
  await timed(preparationMs, "load", () => useEagerBackend(engine.installed.bindingPath));
  const { variables, images, target } = await timed(preparationMs, "variables", () => {
    const variables: Record<string, tf.Variable> = {};
    for (const [{ name, shape }, values] of initialVariables(task))
      variables[name] = tf.variable(tf.tensor(values, [...shape]));
    const pixels = randomImages(task);
    return {
      variables,
      images: tf.tensor4d(pixels.data, pixels.shape as [number, number, number, number]),
      target: tf.oneHot(tf.tensor1d(labelsInTurn(task).data, "int32"), classes),
    };
  });
  const parameters: Parameters = variables;
  const loss = (reduction?: tf.Reduction) => {
    const logits = textbookForward(architecture, parameters, images);
    const value = tf.losses.softmaxCrossEntropy(target, logits, undefined, undefined, reduction);
    return { logits, value };
  };

  const optimizer = tf.train.momentum(benchLearningRate, benchMomentum);
  const trainStep = () => {
    const value = optimizer.minimize(
      () => loss().value as tf.Scalar,
      true,
      Object.values(variables),
    )!;
    const number = value.dataSync()[0]!;
    value.dispose();
    return number;
  };
  const evalStep = () => {
    return tf.tidy(() => {
      const { logits, value } = loss(tf.Reduction.NONE);
      tf.topk(logits, Math.min(5, classes)).indices.dataSync();
      const losses = value.dataSync<"float32">();
      return losses.reduce((sum, one) => sum + one, 0) / task.batch;
    });
  };
  return {
    preparationMs,
    images: "in a tensor of the backend",
    step: async () => (mode === "train" ? trainStep() : evalStep()),
    close: () => {
      optimizer.dispose();
      tf.dispose([variables, images, target]);
    },
  };
}
