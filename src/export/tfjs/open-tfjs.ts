/** Opens a TF.js graph model on the engine: its nodes are TensorFlow's. */
import { join } from "node:path";
import { float16ToFloat32 } from "../../archive/float16.js";
import { type Engine, floats, type HostTensor } from "../../engine/session.js";
import { systemErrorCode } from "../../errors.js";
import { attribute } from "../../graph/attributes.js";
import type { NodeDef } from "../../graph/proto.js";
import { typeNumber } from "../../graph/types.js";
import { parseFacts } from "../../record/classifier-facts.js";
import { damagedExport, nodeOf, openExportedGraph, readExported } from "../exported-graph.js";
import type { ExportedModel } from "../format.js";
import {
  bytesOf,
  type ManifestWeight,
  type ModelJson,
  modelFile,
  modelJson,
  nodesOf,
} from "./model-json.js";
import { ShardReader } from "./shards.js";

/**
 * Opens a model that was exported.
 * @throws UserError where a file is missing or damaged
 */
export async function openTfjs(folder: string, engine: Engine): Promise<ExportedModel> {
  const path = join(folder, modelFile);
  const json = await readModel(path);
  const facts = parseFacts(json.userDefinedMetadata);
  const input = json.signature.inputs["image"];
  const output = json.signature.outputs["logits"];
  if (facts === undefined || input === undefined || output === undefined)
    throw damagedExport(path, "does not tell of a classifier");
  const values = await readValues(folder, json);
  const nodes = nodesOf(json.modelTopology).map((node) => withValue(node, values.get(node.name)));
  const fed = Object.fromEntries([...values].filter(([, value]) => !isSmall(value)));
  const session = openExportedGraph(engine, path, {
    node: nodes,
    library: { function: [] },
    versions: json.modelTopology.versions,
  });
  return {
    ...{ classNames: facts.labels, size: facts.size, resize: facts.resize },
    logits: async (data, shape) => {
      const image: HostTensor = { type: "float32", shape, data };
      const feeds = { ...fed, [nodeOf(input.name)]: image };
      const [logits] = await session.run(feeds, [nodeOf(output.name)]);
      return floats(logits);
    },
    close: () => session.close(),
  };
}

async function readModel(path: string): Promise<ModelJson> {
  const parsed = modelJson.safeParse(jsonOf((await readExported(path)).toString("utf8")));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damagedExport(path, `${issue!.path.join(".")}: ${issue!.message}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The values of all constants, by their names. */
async function readValues(folder: string, json: ModelJson): Promise<Map<string, HostTensor>> {
  const values = new Map<string, HostTensor>();
  for (const { paths, weights } of json.weightsManifest) {
    const reader = new ShardReader(paths.map((path) => join(folder, path)));
    try {
      for (const weight of weights) {
        const size = bytesOf(weight);
        const bytes = await reader.read(size);
        if (bytes.length < size)
          throw damagedExport(folder, `its shards end within ${weight.name}`);
        values.set(weight.name, hostTensor(weight, bytes));
      }
    } catch (error) {
      const code = systemErrorCode(error);
      throw code === undefined ? error : damagedExport(folder, `a shard cannot be read (${code})`);
    } finally {
      await reader.close();
    }
  }
  return values;
}

function hostTensor({ shape, dtype, quantization }: ManifestWeight, bytes: Uint8Array): HostTensor {
  const { buffer } = bytes;
  if (quantization !== undefined)
    return { type: "float32", shape, data: float16ToFloat32(new Uint16Array(buffer)) };
  return dtype === "int32"
    ? { type: dtype, shape, data: new Int32Array(buffer) }
    : { type: dtype, shape, data: new Float32Array(buffer) };
}

// Larger ones are fed: a graph of gigabytes is none.
const largestConstantBytes = 4096;

function isSmall({ data }: HostTensor): boolean {
  return !Array.isArray(data) && data.byteLength <= largestConstantBytes;
}

/** A constant with its value, or a place for what runs feed. */
function withValue(node: NodeDef, value: HostTensor | undefined): NodeDef {
  if (node.op !== "Const" || value === undefined) return node;
  const { type, shape, data } = value;
  const dtype = attribute.type(type);
  if (!isSmall(value) || Array.isArray(data))
    return { ...node, op: "Placeholder", attr: { dtype, shape: attribute.shape(shape) } };
  const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensorShape = { dim: shape.map((size) => ({ size })) };
  const tensor = { dtype: typeNumber[type], tensorShape, tensorContent };
  return { ...node, attr: { dtype, value: attribute.tensor(tensor) } };
}
