/** Runs an ONNX file on the engine: what it computes, by the file alone. */
import { sizeOf } from "../../archive/shape.js";
import { type Engine, floats, type Session, SessionError } from "../../engine/session.js";
import { UserError } from "../../errors.js";
import { attribute } from "../../graph/attributes.js";
import { type Graph, GraphBuilder } from "../../graph/graph-builder.js";
import type { Output } from "../../graph/node-list.js";
import { assign, copy, transpose } from "../../graph/ops.js";
import type { VariableSpec } from "../../model/architecture.js";
import { assignVariables } from "../../step/variables.js";
import type { ExportedModel } from "../format.js";
import { imageName } from "../inference-graph.js";
import { readMetadata } from "./onnx-metadata.js";
import { type Value, writeOperator } from "./onnx-operators.js";
import { type NodeProto, opset } from "./onnx-proto.js";
import {
  damaged,
  type FileTensor,
  type OnnxFile,
  openOnnx,
  readFloats,
  readIntegers,
} from "./read-onnx.js";

const logitsName = "logits";

/**
 * Opens what `writeOnnx` wrote.
 * @throws UserError where a file is missing, damaged, or holds what exports do not
 */
export async function openExportedOnnx(folder: string, engine: Engine): Promise<ExportedModel> {
  const file = await openOnnx(folder);
  let session: Session | undefined;
  try {
    const { metadata, plan } = await understood(file);
    session = opened(file, engine, plan.builder.build());
    await assignVariables(session, valuesOf(file, plan.loaded));
    return { ...metadata, ...running(session) };
  } catch (error) {
    session?.close();
    throw error;
  } finally {
    await file.close();
  }
}

function opened({ path }: OnnxFile, engine: Engine, graph: Graph): Session {
  try {
    return engine.open(graph);
  } catch (error) {
    if (!(error instanceof SessionError) || error.outOfMemory) throw error;
    throw damaged(path, error.message, error);
  }
}

function running(session: Session): Pick<ExportedModel, "logits" | "close"> {
  return {
    logits: async (data, shape) => {
      const feeds = { [imageName]: { type: "float32", shape, data } } as const;
      const [logits] = await session.run(feeds, [logitsName]);
      return floats(logits);
    },
    close: () => session.close(),
  };
}

async function understood(file: OnnxFile) {
  try {
    return { metadata: readMetadata(file.model), plan: await planOf(file) };
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw damaged(file.path, error.message, error);
  }
}

async function* valuesOf(
  { path }: OnnxFile,
  loaded: readonly FileTensor[],
): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
  for (const tensor of loaded) {
    yield [{ name: tensor.name, shape: tensor.dims }, await readFloats(path, tensor)];
  }
}

interface Plan {
  readonly builder: GraphBuilder;
  /** Tensors whose values the graph's variables await. */
  readonly loaded: readonly FileTensor[];
}

async function planOf({ path, model, graph, tensors }: OnnxFile): Promise<Plan> {
  const versions = model.opsetImport.map(({ domain, version }) => `${domain}${version}`);
  if (versions.join() !== String(opset)) throw new Error(`operators of version ${versions.join()}`);
  const integers = new Map<string, number[]>();
  for (const tensor of tensors.values()) {
    if (tensor.type === "int64") integers.set(tensor.name, await readIntegers(path, tensor));
  }
  const writer = new PlanWriter(tensors, integers, kernelsOf(graph.node));
  for (const node of graph.node) writer.add(node);
  writer.finish();
  return writer;
}

/** Names of the values that convolutions take as kernels, and of the tensors these are cast from. */
function kernelsOf(nodes: readonly NodeProto[]): ReadonlySet<string> {
  const names = new Set(
    nodes.flatMap(({ opType, input }) => (opType === "Conv" ? [input[1]!] : [])),
  );
  for (const { opType, input, output } of nodes) {
    if (opType === "Cast" && names.has(output[0]!)) names.add(input[0]!);
  }
  return names;
}

class PlanWriter implements Plan {
  readonly builder = new GraphBuilder();
  readonly loaded: FileTensor[] = [];
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly tensors: ReadonlyMap<string, FileTensor>,
    private readonly numbers: ReadonlyMap<string, readonly number[]>,
    private readonly kernels: ReadonlySet<string>,
  ) {
    const output = this.builder.placeholder(imageName, "float32", [-1, -1, -1, 3]);
    this.values.set(imageName, { output, rank: 4 });
  }

  add(node: NodeProto): void {
    node.input.forEach((name, place) => {
      const isCast = node.opType === "Cast";
      if (this.kernels.has(name) && !(isCast || (node.opType === "Conv" && place === 1)))
        throw new Error(`'${node.name}' takes the kernel '${name}'`);
      if (this.tensors.get(name)?.type === "float16" && !isCast)
        throw new Error(`'${node.name}' takes '${name}' in float16`);
    });
    const inputs = node.input.map((name) => this.value(name));
    const value = writeOperator({
      ...{ builder: this.builder, node, inputs },
      integers: (input) => {
        const numbers = this.numbers.get(node.input[input]!);
        if (numbers === undefined) throw new Error(`'${node.name}' takes numbers that it computes`);
        return numbers;
      },
      kernel: (input) => {
        if (!this.kernels.has(node.input[input]!)) throw new Error(`'${node.name}' has no kernel`);
        return inputs[input]!.output;
      },
    });
    const [name] = node.output as readonly [string];
    if (this.values.has(name)) throw new Error(`two values are called '${name}'`);
    this.values.set(name, value);
  }

  finish(): void {
    const logits = this.value(logitsName);
    if (logits.rank !== 2) throw new Error(`logits of ${logits.rank} axes`);
    this.builder.fetchable(logitsName, logits.output);
  }

  private value(name: string): Value {
    const known = this.values.get(name);
    if (known !== undefined) return known;
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw new Error(`there is no value '${name}'`);
    const output = this.declare(tensor);
    const made = { output, rank: tensor.dims.length };
    this.values.set(name, made);
    return made;
  }

  private declare(tensor: FileTensor): Output {
    const numbers = this.numbers.get(tensor.name);
    if (numbers !== undefined) return this.builder.constant("int32", tensor.dims, numbers);
    this.loaded.push(tensor);
    return this.variable(tensor);
  }

  /**
   * A variable that `assignVariables` sets. Half-precision values are widened when they are read, which is
   * exact; kernels are turned to `[H,W,I,O]`, by the engine, once.
   */
  private variable({ name, dims }: FileTensor): Output {
    const { builder } = this;
    const isKernel = this.kernels.has(name);
    if (isKernel && (dims.length !== 4 || sizeOf(dims) === 0))
      throw new Error(`the kernel '${name}' is of shape [${dims.join()}]`);
    const shape = isKernel ? [2, 3, 1, 0].map((axis) => dims[axis]!) : dims;
    const dtype = attribute.type("float32");
    const attrs = {
      ...{ dtype, container: attribute.string(""), shared_name: attribute.string(name) },
      shape: attribute.shape(shape),
    };
    const handle = builder.one("VarHandleOp", [], attrs, { type: "resource", shape: [] });
    const fed = builder.placeholder(`${name}/new`, "float32", dims);
    const value = isKernel
      ? transpose(builder, fed, builder.ints([2, 3, 1, 0]), shape)
      : copy(builder, fed);
    builder.fetchable(`${name}/assigned`, builder.ints(0), [assign(builder, handle, value)]);
    const result = { type: "float32", shape } as const;
    return builder.one("ReadVariableOp", [handle], { dtype }, result);
  }
}
