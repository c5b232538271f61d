/**
 * Writes `model.onnx`, and `model.onnx.data` where the weights are too many for one protobuf message:
 * weight by weight, so that the memory needed is that of the largest.
 */
import { join } from "node:path";
import { float32ToFloat16 } from "../../archive/float16.js";
import { sizeOf } from "../../archive/shape.js";
import { writeFileAtomically } from "../../disk/atomic-file.js";
import { featureChannels } from "../../model/architecture.js";
import { outputsFirst } from "../../model/kernel-order.js";
import type { ExportModel } from "../export-model.js";
import { requireFloat16 } from "../float16-weights.js";
import { imageName } from "../inference-graph.js";
import { type ConstantTensor, onnxGraph, type WeightTensor } from "./onnx-graph.js";
import { modelProto } from "./onnx-metadata.js";
import {
  dataType,
  encode,
  externalLocation,
  fieldNumber,
  type GraphProto,
  lengthPrefix,
  type TensorProto,
  type ValueInfoProto,
} from "./onnx-proto.js";

export const modelFile = "model.onnx";
export const dataFile = "model.onnx.data";

// A protobuf message ends at 2 GiB, and readers keep it in memory twice.
const largestMessageBytes = 1.5e9;
// Smaller tensors stay with the graph: shapes among them, which inference needs.
const leastExternalBytes = 1024;
// Readers map the file into memory, a page at a time.
const pageBytes = 4096;

/** How a model is written. */
export interface OnnxOptions {
  readonly f16: boolean;
  /** Bytes of weights from which on they get a file of their own. Tests set it. */
  readonly externalFrom?: number;
}

/**
 * @throws UserError where a file cannot be written, the archive is damaged, or a weight is too large for
 *   float16
 */
export async function writeOnnx(
  model: ExportModel,
  folder: string,
  { f16, externalFrom = largestMessageBytes }: OnnxOptions,
): Promise<void> {
  const { nodes, weights, constants } = onnxGraph(model.graph, f16);
  const stored = weights.map((tensor) => storedWeight(model, tensor, f16));
  const total = stored.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const isOutside = ({ sizeBytes }: StoredTensor) =>
    total > externalFrom && sizeBytes >= leastExternalBytes;
  const outside = placed(stored.filter(isOutside));
  const inside = [...constants.map(storedConstant), ...stored.filter((one) => !isOutside(one))];
  const graph: GraphProto = { name: model.model, node: nodes, ...valuesOf(model) };
  if (outside.length > 0)
    await writeFileAtomically(join(folder, dataFile), (append) => writeData(append, outside));
  const heads = outside.map(({ proto }) => encode("TensorProto", proto));
  await writeFileAtomically(join(folder, modelFile), async (append) => {
    await append(encode("ModelProto", modelProto(model)));
    const rest = encode("GraphProto", graph);
    const tensors = [...heads.map(withoutValues), ...inside.map(withValues)];
    const length = tensors.reduce((sum, { length }) => sum + length, rest.length);
    await append(lengthPrefix(fieldNumber.graph, length));
    await append(rest);
    for (const { head, values } of tensors) {
      await append(head);
      if (values) await append(await values());
    }
  });
}

/** A tensor as it will lie in the file. */
interface StoredTensor {
  readonly proto: TensorProto;
  readonly sizeBytes: number;
  readonly values: () => Promise<Uint8Array>;
}

interface OutsideTensor extends StoredTensor {
  readonly offset: number;
}

function storedWeight(model: ExportModel, tensor: WeightTensor, f16: boolean): StoredTensor {
  const { name, weight, dims, kernel } = tensor;
  return {
    proto: { name, dims, dataType: f16 ? dataType.float16 : dataType.float32 },
    sizeBytes: sizeOf(dims) * (f16 ? 2 : 4),
    values: async () => {
      const given = await model.weight(weight);
      if (f16) requireFloat16(model, weight, given);
      const values = kernel ? outputsFirst(given, kernel) : given;
      return bytesOf(f16 ? float32ToFloat16(values) : values);
    },
  };
}

function storedConstant({ name, dims, type, values }: ConstantTensor): StoredTensor {
  const array = type === "int64" ? BigInt64Array.from(values, BigInt) : Float32Array.from(values);
  const proto = { name, dims, dataType: dataType[type] };
  return { proto, sizeBytes: array.byteLength, values: async () => bytesOf(array) };
}

function bytesOf(array: Float32Array | Uint16Array | BigInt64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** Tensors with their places in the file of data. */
function placed(tensors: readonly StoredTensor[]): OutsideTensor[] {
  let end = 0;
  return tensors.map((tensor) => {
    const offset = Math.ceil(end / pageBytes) * pageBytes;
    end = offset + tensor.sizeBytes;
    const externalData = Object.entries({
      location: dataFile,
      offset: String(offset),
      length: String(tensor.sizeBytes),
    }).map(([key, value]) => ({ key, value }));
    const proto = { ...tensor.proto, externalData, dataLocation: externalLocation };
    return { ...tensor, offset, proto };
  });
}

async function writeData(
  append: (bytes: Uint8Array) => Promise<void>,
  tensors: readonly OutsideTensor[],
): Promise<void> {
  let end = 0;
  for (const { offset, sizeBytes, values } of tensors) {
    if (offset > end) await append(new Uint8Array(offset - end));
    await append(await values());
    end = offset + sizeBytes;
  }
}

/** A field of the graph as it is written: what comes before the values, and the values. */
interface TensorField {
  readonly head: Uint8Array;
  readonly values?: () => Promise<Uint8Array>;
  readonly length: number;
}

function withoutValues(message: Uint8Array): TensorField {
  const head = Buffer.concat([lengthPrefix(fieldNumber.initializer, message.length), message]);
  return { head, length: head.length };
}

function withValues({ proto, sizeBytes, values }: StoredTensor): TensorField {
  const message = Buffer.concat([
    encode("TensorProto", proto),
    lengthPrefix(fieldNumber.rawData, sizeBytes),
  ]);
  const prefix = lengthPrefix(fieldNumber.initializer, message.length + sizeBytes);
  const head = Buffer.concat([prefix, message]);
  return { head, values, length: head.length + sizeBytes };
}

function valuesOf({
  graph,
  architecture,
  classes,
}: ExportModel): Pick<GraphProto, "input" | "output"> {
  const image = [{ dimParam: "batch" }, { dimParam: "height" }, { dimParam: "width" }];
  return {
    input: [value(imageName, [...image, { dimValue: 3 }])],
    output: [
      value(graph.logits, [{ dimParam: "batch" }, { dimValue: classes }]),
      value(graph.features, [{ dimParam: "batch" }, { dimValue: featureChannels(architecture) }]),
    ],
  };
}

type Dimensions = ValueInfoProto["type"]["tensorType"]["shape"]["dim"];

function value(name: string, dim: Dimensions): ValueInfoProto {
  return { name, type: { tensorType: { elemType: dataType.float32, shape: { dim } } } };
}
