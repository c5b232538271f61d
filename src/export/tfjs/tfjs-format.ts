/** `tfjs`: a graph model for TensorFlow.js, for browsers and Node. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { float32ToFloat16 } from "../../archive/float16.js";
import { attribute } from "../../graph/attributes.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { GraphDef } from "../../graph/proto.js";
import { typeOf } from "../../graph/types.js";
import { packageVersion } from "../../package-root.js";
import { factsOf } from "../../record/classifier-facts.js";
import type { ExportModel } from "../export-model.js";
import { requireFloat16 } from "../float16-weights.js";
import type { ExportFormat } from "../format.js";
import { type InferenceGraph, imageName } from "../inference-graph.js";
import { addPlainNetwork } from "../plain-network.js";
import {
  bytesOf,
  type ManifestWeight,
  type ModelJson,
  modelFile,
  tensorInfoOf,
  topologyOf,
} from "./model-json.js";
import { openTfjs } from "./open-tfjs.js";
import { shardNames, writeShards } from "./shards.js";

export const tfjsFormat: ExportFormat = {
  write: async (model, folder, { f16 }) => {
    const def = tfjsGraph(model.graph);
    const constants = constantsOf(def);
    const weights = manifestOf(model, constants, f16);
    const bytes = weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
    await writeShards(folder, bytes, valuesOf(model, constants, weights));
    const weightsManifest = [{ paths: shardNames(bytes), weights }];
    const json = { ...graphModel(model, def), weightsManifest } satisfies ModelJson;
    await writeFile(join(folder, modelFile), JSON.stringify(json));
  },
  open: openTfjs,
};

/** Constants that have values in the graph, then weights, in the order in which they lie in the shards. */
function manifestOf(
  { graph }: ExportModel,
  constants: ReadonlyMap<string, Constant>,
  f16: boolean,
): ManifestWeight[] {
  const small = [...constants].map(([name, { shape, dtype }]): ManifestWeight => {
    return { name, shape: [...shape], dtype };
  });
  const weights = graph.weights.map(({ name, shape }): ManifestWeight => {
    const spec: ManifestWeight = { name, shape: [...shape], dtype: "float32" };
    return f16 ? { ...spec, quantization: { dtype: "float16", original_dtype: "float32" } } : spec;
  });
  return [...small, ...weights];
}

/**
 * A model as `model.json` has it, but for its weights. Its input is `image`; without a name asked for, it
 * gives `logits`.
 */
function graphModel(model: ExportModel, def: GraphDef): Omit<ModelJson, "weightsManifest"> {
  return {
    format: "graph-model",
    generatedBy: `bit-train ${packageVersion()}`,
    convertedBy: `bit-train ${packageVersion()}`,
    signature: {
      inputs: { [imageName]: tensorInfoOf(imageName, "float32", [-1, -1, -1, 3]) },
      outputs: { logits: tensorInfoOf(model.graph.logits, "float32", [-1, model.classes]) },
    },
    userDefinedMetadata: factsOf(model),
    modelTopology: topologyOf(def),
  };
}

/** The nodes: those of weights are constants without a value. */
function tfjsGraph(graph: InferenceGraph): GraphDef {
  const builder = new GraphBuilder();
  const image = builder.placeholder(imageName, "float32", [-1, -1, -1, 3]);
  const weights = new Map(
    graph.weights.map(({ name, shape }) => {
      const dtype = attribute.type("float32");
      const spec = { type: "float32", shape } as const;
      return [name, builder.one("Const", [], { dtype }, spec, { name })];
    }),
  );
  const network = addPlainNetwork(builder, graph, image, ({ name }) => weights.get(name)!);
  const { logits } = network;
  const attrs = { T: attribute.type("float32") };
  builder.one("Softmax", [logits], attrs, logits, { name: "probabilities" });
  return builder.build().def;
}

interface Constant {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
  readonly content: Uint8Array;
}

/** The constants that have values in a graph, by name. */
function constantsOf({ node: nodes }: GraphDef): ReadonlyMap<string, Constant> {
  const constants = new Map<string, Constant>();
  for (const { name, attr } of nodes) {
    const tensor = attr["value"]?.tensor;
    if (tensor === undefined) continue;
    const dtype = typeOf(tensor.dtype);
    if (dtype !== "float32" && dtype !== "int32") throw new Error(`a constant of type ${dtype}`);
    const shape = (tensor.tensorShape.dim ?? []).map(({ size }) => size);
    constants.set(name, { shape, dtype, content: tensor.tensorContent! });
  }
  return constants;
}

async function* valuesOf(
  model: ExportModel,
  constants: ReadonlyMap<string, Constant>,
  weights: readonly ManifestWeight[],
): AsyncGenerator<Uint8Array> {
  for (const { name, quantization } of weights) {
    const constant = constants.get(name);
    if (constant !== undefined) {
      yield constant.content;
      continue;
    }
    const values = await model.weight(name);
    if (quantization !== undefined) requireFloat16(model, name, values);
    const stored = quantization === undefined ? values : float32ToFloat16(values);
    yield new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  }
}
