/** Runs an ONNX file on the engine: what it computes, by the file alone. */
import type { Engine, Session } from "../../engine/session.js";
import { UserError } from "../../errors.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import type { Output } from "../../graph/node-list.js";
import { damagedExport } from "../damaged-export.js";
import { openExportedGraph, runningGraph } from "../exported-graph.js";
import type { ExportedModel } from "../format.js";
import { imageName } from "../inference-graph.js";
import { readMetadata } from "./onnx-metadata.js";
import { type Value, writeOperator } from "./onnx-operators.js";
import { type NodeProto, opset } from "./onnx-proto.js";
import { FileVariables } from "./onnx-variables.js";
import { type FileTensor, type OnnxFile, openOnnx, readIntegers } from "./read-onnx.js";

const logitsName = "logits";

/**
 * Opens what `writeOnnx` wrote.
 * @throws UserError where a file is missing, damaged, or holds what exports do not
 */
export async function openExportedOnnx(folder: string, engine: Engine): Promise<ExportedModel> {
  const file = await openOnnx(folder);
  let session: Session | undefined;
  try {
    const { metadata, plan } = await understood(file, engine);
    session = openExportedGraph(engine, file.path, plan.builder.build());
    await plan.variables.load(session, file.path);
    return { ...metadata, ...runningGraph(session, { image: imageName, logits: logitsName }) };
  } catch (error) {
    session?.close();
    throw error;
  } finally {
    await file.close();
  }
}

async function understood(file: OnnxFile, engine: Engine) {
  try {
    return { metadata: readMetadata(file.model), plan: await planOf(file, engine) };
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    throw damagedExport(file.path, error.message, error);
  }
}

interface Plan {
  readonly builder: GraphBuilder;
  readonly variables: FileVariables;
}

async function planOf(
  { path, model, graph, tensors }: OnnxFile,
  { target }: Engine,
): Promise<Plan> {
  const versions = model.opsetImport.map(({ domain, version }) => `${domain}${version}`);
  if (versions.join() !== String(opset)) throw new Error(`operators of version ${versions.join()}`);
  const integers = new Map<string, number[]>();
  for (const tensor of tensors.values()) {
    if (tensor.type === "int64") integers.set(tensor.name, await readIntegers(path, tensor));
  }
  const writer = new PlanWriter(tensors, integers, kernelsOf(graph.node), target.native.host);
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
  readonly variables: FileVariables;
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly tensors: ReadonlyMap<string, FileTensor>,
    private readonly numbers: ReadonlyMap<string, readonly number[]>,
    private readonly kernels: ReadonlySet<string>,
    readsFiles: boolean,
  ) {
    this.variables = new FileVariables(this.builder, readsFiles);
    if (kernels.has(imageName)) throw new Error("images are taken for a kernel");
    const output = this.builder.placeholder(imageName, "float32", [-1, -1, -1, 3]);
    this.values.set(imageName, { output, rank: 4 });
  }

  add(node: NodeProto): void {
    const [result = ""] = node.output;
    const isCast = node.opType === "Cast";
    if (this.kernels.has(result) && !isCast) throw new Error(`a kernel is made by '${node.name}'`);
    node.input.forEach((name, place) => {
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
    });
    if (this.values.has(result)) throw new Error(`two values are called '${result}'`);
    this.values.set(result, value);
  }

  finish(): void {
    const logits = this.value(logitsName);
    if (logits.rank !== 2) throw new Error(`logits of ${logits.rank} axes`);
    this.builder.fetchable(logitsName, logits.output);
    this.variables.finish();
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
    return this.variables.declare(tensor, this.kernels.has(tensor.name));
  }
}
