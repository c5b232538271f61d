/**
 * The graph of a SavedModel, with what tells TensorFlow's readers how to use it: variables that its own
 * nodes restore, and two signatures.
 */
import { attribute, shapeProto } from "../../graph/attributes.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Output } from "../../graph/node-list.js";
import { assign, cast } from "../../graph/ops.js";
import {
  encodeVariable,
  type MetaGraphDef,
  type SaverDef,
  type SignatureDef,
  savedModelTag,
} from "../../graph/saved-model.js";
import { typeNumber } from "../../graph/types.js";
import type { ExportModel } from "../export-model.js";
import { type GraphWeight, imageName } from "../inference-graph.js";
import { addPlainNetwork, type PlainNetwork } from "../plain-network.js";
import { imagesOfBytes } from "./image-bytes.js";

/** The signature whose input is images. */
export const imageSignature = "serving_default";
/** The signature whose input is the bytes of files, and its input. */
export const bytesSignature = "image_bytes";

/** The graph of a model, its variables stored as float32 or float16. */
export function servingGraph(model: ExportModel, stored: "float32" | "float16"): MetaGraphDef {
  const builder = new GraphBuilder();
  const image = builder.placeholder(imageName, "float32", [-1, -1, -1, 3]);
  const bytes = builder.placeholder(bytesSignature, "string", [-1]);
  const variables = model.graph.weights.map((weight) => addVariable(builder, weight, stored));
  const saverDef = addSaver(builder, variables);
  const values = new Map(variables.map(({ name, value }) => [name, value]));
  const weight = ({ name }: GraphWeight) => values.get(name)!;
  const signature = (input: Output, name: string, images: Output): SignatureDef => {
    const network = addPlainNetwork(builder, model.graph, images, weight);
    return signatureDef(builder, { [name]: input }, network);
  };
  const signatureDefs = {
    [imageSignature]: signature(image, imageName, image),
    [bytesSignature]: signature(bytes, bytesSignature, imagesOfBytes(builder, bytes, model)),
  };
  const collection = { bytesList: { value: variables.map(({ definition }) => definition) } };
  return {
    metaInfoDef: { tags: [savedModelTag] },
    graphDef: builder.build().def,
    saverDef,
    // Where `tf.saved_model.load` looks for variables; it would give the model none.
    collectionDef: { variables: collection, trainable_variables: collection },
    signatureDef: signatureDefs,
  };
}

interface SavedVariable {
  readonly name: string;
  readonly handle: Output;
  /** As it is stored. */
  readonly read: Output;
  /** float32 */
  readonly value: Output;
  readonly definition: Uint8Array;
}

function addVariable(
  builder: GraphBuilder,
  { name, shape }: GraphWeight,
  stored: "float32" | "float16",
): SavedVariable {
  const dtype = attribute.type(stored);
  const attrs = {
    ...{ dtype, shape: attribute.shape(shape) },
    ...{ container: attribute.string(""), shared_name: attribute.string(name) },
  };
  const handle = builder.one("VarHandleOp", [], attrs, { type: "resource", shape: [] }, { name });
  const place = { name: `${name}/Read/ReadVariableOp` };
  const read = builder.one("ReadVariableOp", [handle], { dtype }, { type: stored, shape }, place);
  const definition = encodeVariable({
    variableName: `${name}:0`,
    // Nothing but a checkpoint gives it a value.
    initializerName: `${name}/Assign`,
    initialValueName: "",
    snapshotName: `${read.node}:0`,
    isResource: true,
    trainable: true,
  });
  return { name, handle, read, value: cast(builder, read, "float32"), definition };
}

/** As TensorFlow's own savers are: readers know its nodes by what the definition says. */
function addSaver(builder: GraphBuilder, variables: readonly SavedVariable[]): SaverDef {
  const count = [variables.length];
  const scalar = { type: "string", shape: [] } as const;
  const defaulted = { dtype: attribute.type("string"), shape: attribute.shape([]) };
  const model = builder.constant("string", [], ["model"]);
  const filename = builder.one("PlaceholderWithDefault", [model], defaulted, scalar, {
    name: "save/Const",
  });
  const names = builder.constant(
    "string",
    count,
    variables.map(({ name }) => name),
  );
  const whole = builder.constant(
    "string",
    count,
    variables.map(() => ""),
  );
  const types = { dtypes: attribute.types(variables.map(({ read }) => read.type)) };
  const reads = variables.map(({ read }) => read);
  const host = { device: "cpu" } as const;
  const saved = builder.add("SaveV2", [filename, names, whole, ...reads], types, [], host);
  const string = { T: attribute.type("string") };
  const after = builder.one("Identity", [filename], string, scalar, {
    name: "save/control_dependency",
    after: saved,
  });
  const restored = builder.add("RestoreV2", [filename, names, whole], types, reads, host);
  const assigned = variables.map(({ name, handle }, i) =>
    assign(builder, handle, restored[i]!, { name: `${name}/Assign` }),
  );
  const all = builder.one(
    "Identity",
    [builder.ints(0)],
    { T: attribute.type("int32") },
    {
      type: "int32",
      shape: [],
    },
    { name: "save/restore_all", after: assigned },
  );
  return {
    filenameTensorName: `${filename.node}:0`,
    saveTensorName: `${after.node}:0`,
    restoreOpName: all.node,
    maxToKeep: 1,
    sharded: false,
    keepCheckpointEveryNHours: 10_000,
    version: 2,
  };
}

function signatureDef(
  builder: GraphBuilder,
  inputs: Readonly<Record<string, Output>>,
  { features, logits }: PlainNetwork,
): SignatureDef {
  const T = attribute.type("float32");
  const probabilities = builder.one("Softmax", [logits], { T }, logits, { name: "probabilities" });
  const tensors = (values: Readonly<Record<string, Output>>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, { node, index, type, shape }]) => [
        name,
        { name: `${node}:${index}`, dtype: typeNumber[type], tensorShape: shapeProto(shape) },
      ]),
    );
  return {
    inputs: tensors(inputs),
    outputs: tensors({ logits, probabilities, features }),
    methodName: "tensorflow/serving/predict",
  };
}
