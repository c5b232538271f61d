/** A pipeline of features: a table that lies where the step computes, of which batches take rows. */
import type { GraphBuilder } from "../graph/graph-builder.js";
import { addVariable } from "../graph/graph-variable.js";
import { gather } from "../graph/ops.js";
import { inBatches } from "./dataset-nodes.js";
import { numbersOf, type PipelineBatch, taken } from "./pipeline.js";
import type { FeatureSplit } from "./split-tables.js";

/**
 * Adds a pipeline over features that are known, to be loaded and started as one of images is; nothing is
 * augmented, whatever a start says.
 * @param options.name distinguishes the pipelines of one graph
 * @returns a batch whose `images` are features, float32 `[batch, channels]`
 */
export function addFeaturePipeline(
  builder: GraphBuilder,
  split: FeatureSplit,
  { name, batch }: { readonly name: string; readonly batch: number },
): PipelineBatch {
  const { channels } = split.images;
  const count = split.labels.length;
  const tableOf = (table: string, type: "float32" | "int32", shape: readonly number[]) =>
    addVariable(builder, { name: `${name}/${table}`, type, shape }).read;
  const features = tableOf("features", "float32", [count, channels]);
  const labels = tableOf("labels", "int32", [count]);
  const batches = inBatches(builder, numbersOf(builder, name), batch);
  const [numbers] = taken(builder, name, batches, [[batch], [batch, 3]]);
  const indices = builder.fetchable(`${name}/rows`, numbers!);
  return {
    pipeline: { name, split, resident: true },
    images: gather(builder, { table: features, indices }, [batch, channels]),
    labels: gather(builder, { table: labels, indices }, [batch]),
  };
}
