/** `node dist/bench/gpu/make-references.js` writes bench/gpu/references.json: the checked step in the CPU's engine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openEngine } from "../../src/engine/open.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { plainTarget } from "../../src/graph/target.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { packageRoot } from "../../src/package-root.js";
import { addTrainStep } from "../../src/step/train-step.js";
import { declareVariables } from "../../src/step/variables.js";
import { madeValues } from "./made-values.js";

const [model, classes, batch, size] = ["R14x0.5", 10, 8, 32] as const;
const builder = new GraphBuilder();
const architecture = parseArchitecture(model);
const network = { architecture, classes, target: plainTarget } as const;
const variables = declareVariables(builder, variableSpecs(architecture, classes), plainTarget);
const images = builder.placeholder("images", "float32", [batch, size, size, 3]);
const labels = builder.placeholder("labels", "int32", [batch]);
await addTrainStep(builder, network, variables, { images, labels }, { mixup: false, split: 1 });
const session = openEngine().open(builder.build());
const made = (name: string, shape: readonly number[]) => {
  return {
    type: "float32",
    shape,
    data: madeValues(name, shape) as Float32Array,
  } as const;
};
for (const { name, shape } of variables) {
  await session.run({ [`${name}/new`]: made(name, shape) }, [`${name}/assigned`]);
}
await session.run({}, ["train/initialize"]);
const feeds = {
  images: made("images", images.shape!),
  labels: {
    type: "int32",
    shape: [batch],
    data: new Int32Array(batch).map((_, i) => i % classes),
  } as const,
  "train/learning_rate": made("train/learning_rate", []),
};
const losses: number[] = [];
for (let i = 0; i < 5; i++) {
  const [loss] = await session.run(feeds, ["train/step"]);
  losses.push(Number(loss!.data[0]));
}
session.close();
writeFileSync(
  join(packageRoot, "bench/gpu/references.json"),
  `${JSON.stringify({ losses }, null, 2)}\n`,
);
console.log(losses.join(" "));
