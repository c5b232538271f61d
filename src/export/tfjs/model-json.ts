/**
 * A TF.js graph model's `model.json`: a TensorFlow graph in protobuf's JSON form, and where the values of its
 * constants lie. Constants have no values in the graph; TF.js takes all from the shards.
 * Source: tfjs-converter, `python/tensorflowjs/converters/tf_saved_model_conversion_v2.py` and
 * `src/operations/operation_mapper.ts`; proto3's JSON mapping.
 */
import { z } from "zod";
import { sizeOf } from "../../archive/shape.js";
import type { AttrValue, GraphDef, NodeDef, TensorShapeProto } from "../../graph/proto.js";
import { type ElementType, typeNumber, typeOf } from "../../graph/types.js";

/** The file of a folder by which TF.js loads a model. */
export const modelFile = "model.json";

/** Element types by protobuf's names for them. */
const typeNames = {
  float32: "DT_FLOAT",
  int32: "DT_INT32",
} as const satisfies Partial<Record<ElementType, string>>;

const dtype = z.enum(["DT_FLOAT", "DT_INT32"]);
const tensorShape = z.object({ dim: z.array(z.object({ size: z.string() })) });
const attr = z.union([
  z.object({ type: dtype }),
  z.object({ b: z.boolean() }),
  z.object({ i: z.string() }),
  /** Base64. */
  z.object({ s: z.string() }),
  z.object({ shape: tensorShape }),
  z.object({ list: z.object({ i: z.array(z.string()).optional() }) }),
]);
const node = z.object({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()),
  attr: z.record(z.string(), attr),
});
const tensorInfo = z.object({ name: z.string(), dtype, tensorShape });
const weight = z.object({
  name: z.string(),
  shape: z.array(z.int()),
  dtype: z.enum(["float32", "int32"]),
  quantization: z
    .object({ dtype: z.literal("float16"), original_dtype: z.literal("float32") })
    .optional(),
});

/** What `model.json` holds, as it is written here. */
export const modelJson = z.object({
  format: z.literal("graph-model"),
  generatedBy: z.string(),
  convertedBy: z.string(),
  signature: z.object({
    inputs: z.record(z.string(), tensorInfo),
    outputs: z.record(z.string(), tensorInfo),
  }),
  userDefinedMetadata: z.unknown(),
  modelTopology: z.object({
    node: z.array(node),
    versions: z.object({ producer: z.int(), minConsumer: z.int() }),
  }),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weight) })),
});

export type ModelJson = z.infer<typeof modelJson>;
/** A constant's place: values of one come after those of another, through all shards. */
export type ManifestWeight = z.infer<typeof weight>;
type JsonAttr = z.infer<typeof attr>;

/** The bytes of a constant in the shards. */
export function bytesOf({ shape, quantization }: ManifestWeight): number {
  return sizeOf(shape) * (quantization === undefined ? 4 : 2);
}

/** A graph's nodes in protobuf's JSON form, constants without their values. */
export function topologyOf({ node: nodes, versions }: GraphDef): ModelJson["modelTopology"] {
  return {
    node: nodes.map(({ name, op, input, attr: attrs }) => {
      const told = Object.entries(attrs).filter(([key]) => op !== "Const" || key !== "value");
      return {
        ...{ name, op, input },
        attr: Object.fromEntries(told.map(([key, value]) => [key, jsonOf(value)])),
      };
    }),
    versions,
  };
}

/** What a signature says of a tensor. */
export function tensorInfoOf(
  name: string,
  type: ElementType,
  shape: readonly number[],
): z.infer<typeof tensorInfo> {
  return { name: `${name}:0`, dtype: typeName(typeNumber[type]), tensorShape: shapeJson(shape) };
}

function jsonOf(value: AttrValue): JsonAttr {
  if (value.type !== undefined) return { type: typeName(value.type) };
  if (value.b !== undefined) return { b: value.b };
  if (value.i !== undefined) return { i: String(value.i) };
  if (value.s !== undefined) return { s: Buffer.from(value.s).toString("base64") };
  if (value.shape !== undefined)
    return { shape: shapeJson((value.shape.dim ?? []).map(({ size }) => size)) };
  if (value.list?.i !== undefined)
    return { list: value.list.i.length === 0 ? {} : { i: value.list.i.map(String) } };
  throw new Error(`no form for an attribute of ${Object.keys(value)}`);
}

function typeName(number: number): z.infer<typeof dtype> {
  const type = typeOf(number);
  if (type !== "float32" && type !== "int32") throw new Error(`no form for a ${type}`);
  return typeNames[type];
}

function shapeJson(shape: readonly number[]) {
  return { dim: shape.map((size) => ({ size: String(size) })) };
}

/** The nodes that a topology tells. */
export function nodesOf({ node: nodes }: ModelJson["modelTopology"]): NodeDef[] {
  return nodes.map(({ attr: attrs, ...rest }) => ({
    ...rest,
    attr: Object.fromEntries(Object.entries(attrs).map(([key, value]) => [key, attrOf(value)])),
  }));
}

function attrOf(value: JsonAttr): AttrValue {
  if ("type" in value) {
    const found = Object.entries(typeNames).find(([, name]) => name === value.type)!;
    return { type: typeNumber[found[0] as ElementType] };
  }
  if ("b" in value) return value;
  if ("i" in value) return { i: Number(value.i) };
  if ("s" in value) return { s: Buffer.from(value.s, "base64") };
  if ("shape" in value) return { shape: shapeOfJson(value.shape) };
  return { list: { i: (value.list.i ?? []).map(Number) } };
}

function shapeOfJson({ dim }: z.infer<typeof tensorShape>): TensorShapeProto {
  return { dim: dim.map(({ size }) => ({ size: Number(size) })) };
}
