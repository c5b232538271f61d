/** Opens a TF.js graph model on the engine: its nodes are TensorFlow's. */
import { join } from "node:path";
import { float16ToFloat32 } from "../../archive/float16.js";
import { type Engine, floats, type HostTensor, type Session } from "../../engine/session.js";
import { systemErrorCode } from "../../errors.js";
import { attribute } from "../../graph/attributes.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { GraphDef, NodeDef } from "../../graph/proto.js";
import { typeNumber } from "../../graph/types.js";
import type { VariableSpec } from "../../model/architecture.js";
import { parseFacts } from "../../record/classifier-facts.js";
import { assignVariables, declareVariable } from "../../step/variables.js";
import { damagedExport, readExported } from "../damaged-export.js";
import { nodeOf, openExportedGraph, runningGraph } from "../exported-graph.js";
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
  const told = facts !== undefined && input !== undefined && output !== undefined;
  if (!told || json.weightsManifest.length !== 1)
    throw damagedExport(path, "does not tell of a classifier");
  const [{ paths, weights }] = json.weightsManifest as [ModelJson["weightsManifest"][0]];
  const reader = new ShardReader(paths.map((name) => join(folder, name)));
  let session: Session | undefined;
  try {
    const constants = new Map<string, HostTensor>();
    for (const constant of weights.filter((one) => !isVariable(one)))
      constants.set(constant.name, await readNext(reader, constant, folder));
    session = openExportedGraph(engine, path, { def: graphOf(json, constants), nodes: [] });
    await assignVariables(session, variablesOf(reader, weights.filter(isVariable), folder));
    const nodes = { image: prefix + nodeOf(input.name), logits: prefix + nodeOf(output.name) };
    const { labels, size, resize } = facts;
    return { classNames: labels, size, resize, ...runningGraph(session, nodes) };
  } catch (error) {
    session?.close();
    throw error;
  } finally {
    await reader.close();
  }
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

/** What is a variable here; other constants are few numbers, and come first. */
function isVariable({ dtype, shape }: ManifestWeight): boolean {
  return dtype === "float32" && shape.length > 0;
}

async function* variablesOf(
  reader: ShardReader,
  weights: readonly ManifestWeight[],
  folder: string,
): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
  for (const weight of weights) yield [weight, floats(await readNext(reader, weight, folder))];
}

async function readNext(
  reader: ShardReader,
  weight: ManifestWeight,
  folder: string,
): Promise<HostTensor> {
  const size = bytesOf(weight);
  let bytes: Uint8Array;
  try {
    bytes = await reader.read(size);
  } catch (error) {
    const code = systemErrorCode(error);
    throw code === undefined ? error : damagedExport(folder, `a shard cannot be read (${code})`);
  }
  if (bytes.length < size) throw damagedExport(folder, `its shards end within ${weight.name}`);
  return hostTensor(weight, bytes);
}

function hostTensor({ shape, dtype, quantization }: ManifestWeight, bytes: Uint8Array): HostTensor {
  const { buffer } = bytes;
  if (quantization !== undefined)
    return { type: "float32", shape, data: float16ToFloat32(new Uint16Array(buffer)) };
  return dtype === "int32"
    ? { type: dtype, shape, data: new Int32Array(buffer) }
    : { type: dtype, shape, data: new Float32Array(buffer) };
}

/** Before the names of a model's nodes: those of its variables are the weights' own. */
const prefix = "model/";

/** The model's nodes with their constants, of which weights are variables. */
function graphOf(
  { modelTopology, weightsManifest }: ModelJson,
  constants: ReadonlyMap<string, HostTensor>,
): GraphDef {
  const builder = new GraphBuilder();
  const variables = new Map<string, string>();
  for (const weight of weightsManifest[0]!.weights.filter(isVariable))
    variables.set(weight.name, declareVariable(builder, weight).read.node);
  const renamed = (name: string) => variables.get(name) ?? prefix + name;
  const nodes = nodesOf(modelTopology)
    .filter(({ name }) => !variables.has(name))
    .map((node) => ({
      ...withValue(node, constants.get(node.name)),
      name: prefix + node.name,
      input: node.input.map(renamed),
    }));
  const { def } = builder.build();
  return { ...def, node: [...def.node, ...nodes], versions: modelTopology.versions };
}

/** A constant with its value. */
function withValue(node: NodeDef, value: HostTensor | undefined): NodeDef {
  if (value === undefined || Array.isArray(value.data)) return node;
  const { type, shape, data } = value;
  const tensorContent = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensorShape = { dim: shape.map((size) => ({ size })) };
  const tensor = { dtype: typeNumber[type], tensorShape, tensorContent };
  return { ...node, attr: { dtype: attribute.type(type), value: attribute.tensor(tensor) } };
}
