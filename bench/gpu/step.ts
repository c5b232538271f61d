/**
 * One step of a network as a program of XLA: traced and lowered by the product, compiled for a plugin,
 * and run on values made here. TensorFlow has no part in it.
 */
import {
  openPjrt,
  type PjrtBuffer,
  type PjrtClient,
  type PjrtProgram,
} from "../../src/engine/pjrt/client.js";
import { gpuClient } from "../../src/engine/xla/xla-flags.js";
import { type Graph, GraphBuilder } from "../../src/graph/graph-builder.js";
import { type Cell, graphCells, inverseOrder } from "../../src/graph/stablehlo/cells.js";
import { lowerProgram, type StableHloProgram } from "../../src/graph/stablehlo/program.js";
import { indexNodes, reachOf } from "../../src/graph/stablehlo/reach.js";
import { inType, plainTarget } from "../../src/graph/target.js";
import { normalized } from "../../src/input/pipeline.js";
import { addTables, residentBatch } from "../../src/input/resident-images.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { addEvalStep } from "../../src/step/eval-step.js";
import { addTrainStep, type GraphBatch } from "../../src/step/train-step.js";
import { declareVariables } from "../../src/step/variables.js";
import { type FloatArray, madeValues } from "./made-values.js";

/** What is computed. */
export interface StepRequest {
  /** As in `R50x1`. */
  readonly model: string;
  readonly mode: "train" | "eval";
  readonly batch: number;
  /** Pixels of a side. */
  readonly size: number;
  /** float32 and float64 ask for the highest precision. */
  readonly type: "float32" | "bfloat16" | "float16" | "float64";
  /** Activations are computed a second time in the backward pass instead of kept. */
  readonly remat?: boolean;
  /** The step makes its batch of CIFAR's images, which lie on the device; default: it is fed images. */
  readonly fromTable?: boolean;
}

/** A step as text, and how its variables lie on the device. */
export interface LoweredStep extends StableHloProgram {
  readonly cells: readonly Cell[];
  /** What numbers are: float64 where the whole program is in it. */
  readonly float: "float32" | "float64";
}

export const classes = 10;

/** The labels of a batch: the classes by turns. */
export function labelsOf(batch: number): Int32Array {
  return new Int32Array(batch).map((_, i) => i % classes);
}

/** The graph of a step that is fed `images`, `labels` and, to train, `train/learning_rate`. */
export async function graphOf({
  model,
  mode,
  batch,
  size,
  type,
  remat,
  fromTable,
}: StepRequest): Promise<Graph> {
  const builder = new GraphBuilder();
  const architecture = parseArchitecture(model);
  const computeType = type === "float64" ? "float32" : type;
  const network = {
    architecture,
    classes,
    target: inType(plainTarget, computeType),
    remat: remat === true,
  } as const;
  const variables = declareVariables(builder, variableSpecs(architecture, classes), network.target);
  const fed =
    fromTable === true ? cifarBatch(builder, batch, size) : fedBatch(builder, batch, size);
  if (mode === "eval") await addEvalStep(builder, network, variables, fed);
  else await addTrainStep(builder, network, variables, fed, { mixup: false, split: 1 });
  return builder.build();
}

function fedBatch(builder: GraphBuilder, batch: number, size: number): GraphBatch {
  return {
    images: builder.placeholder("images", "float32", [batch, size, size, 3]),
    labels: builder.placeholder("labels", "int32", [batch]),
  };
}

/** As the product has it, but that nothing of TensorFlow's gives the numbers. Resized by the rule: 160 to 128. */
function cifarBatch(builder: GraphBuilder, batch: number, size: number): GraphBatch {
  const tables = addTables(builder, "cifar", { height: 32, width: 32 }, 50_000);
  const numbers = {
    rows: builder.placeholder("rows", "int32", [batch]),
    windows: builder.placeholder("windows", "int32", [batch, 3]),
  };
  const sizes = { side: Math.round((size * 160) / 128), crop: size };
  const made = residentBatch(builder, tables, numbers, sizes);
  const target = { ...plainTarget, deviceMemoryBytes: Number.POSITIVE_INFINITY };
  return { images: normalized(builder, made.images, target), labels: made.labels };
}

/** What a run fetches: the loss; or each example's loss and best classes. */
function fetchesOf({ mode }: StepRequest): string[] {
  return mode === "train" ? ["train/step"] : ["eval/loss", "eval/top"];
}

/** Traces and lowers a step. */
export async function lowerStep(request: StepRequest): Promise<LoweredStep> {
  const { nodes } = await graphOf(request);
  const index = indexNodes(nodes);
  const cells = graphCells(nodes);
  const exact = request.type === "float32" || request.type === "float64";
  const fetches = fetchesOf(request);
  const precision = exact ? "HIGHEST" : "DEFAULT";
  const lowered = lowerProgram(index, fetches, reachOf(index, fetches), cells, { precision });
  if (request.type !== "float64") return { ...lowered, cells, float: "float32" };
  return { ...lowered, cells, float: "float64", text: inFloat64(lowered.text) };
}

/** The same program in float64: types, infinity and the bytes of constants. */
function inFloat64(text: string): string {
  return text
    .replace(/dense<"0x([0-9A-F]+)"> : tensor<(?:\d+x)*f32>/g, (constant, hex: string) => {
      const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
      const wide = Float64Array.from(new Float32Array(bytes.buffer));
      return constant.replace(hex, Buffer.from(wide.buffer).toString("hex").toUpperCase());
    })
    .replaceAll("xf32>", "xf64>")
    .replaceAll("tensor<f32>", "tensor<f64>")
    .replaceAll("0xFF800000", "0xFFF0000000000000");
}

/** The client of a plugin; on a GPU it is set as the product's. */
export function openClient(plugin: string, gpu: boolean): PjrtClient {
  return openPjrt(plugin, gpu ? gpuClient : {});
}

/** A compiled step with its state on the device. */
export class RunningStep {
  private constructor(
    private readonly client: PjrtClient,
    private readonly program: PjrtProgram,
    readonly lowered: LoweredStep,
    private readonly values: PjrtBuffer[],
  ) {}

  /** Puts values that are the same on every device and in every process. */
  static async start(
    client: PjrtClient,
    lowered: LoweredStep,
    program: PjrtProgram,
  ): Promise<RunningStep> {
    const values: PjrtBuffer[] = [];
    const byName = new Map(lowered.cells.map((cell) => [cell.name, cell]));
    for (const { from, name, type, shape } of lowered.inputs) {
      if (from === "cell") values.push(await putCell(client, byName.get(name)!, lowered.float));
      else if (name === "labels") {
        const data = labelsOf(shape[0]!);
        values.push(await client.put({ type: "int32", shape, data }));
      } else {
        if (type !== "float32") throw new Error(`${name} is ${type}`);
        const data = madeValues(name, shape, lowered.float);
        values.push(await client.put({ type: lowered.float, shape, data }));
      }
    }
    return new RunningStep(client, program, lowered, values);
  }

  /** Enqueues a step. Its results: the loss; or losses and best classes. */
  async run(): Promise<PjrtBuffer[]> {
    const [results] = await this.program.run([this.values], this.lowered.donated);
    this.lowered.donated.forEach((input, i) => {
      this.values[input] = results![i]!;
    });
    return results!.slice(this.lowered.donated.length);
  }

  /** Runs a step and reads its results; the first of them. */
  async result(): Promise<FloatArray> {
    const read = await Promise.all(
      (await this.run()).map(async (buffer) => {
        const bytes = await buffer.read();
        buffer.drop();
        return bytes;
      }),
    );
    return floats(read[0]!, this.lowered.float);
  }

  /** New images for the next step, as a training run brings them. */
  async bring(images: Float32Array): Promise<void> {
    const at = this.lowered.inputs.findIndex(({ name }) => name === "images");
    const { shape } = this.lowered.inputs[at]!;
    this.values[at]!.drop();
    this.values[at] = await this.client.put({ type: "float32", shape, data: images });
  }

  /** The values of a part of the state on the host, as it lies on the device. */
  async state(name: string): Promise<FloatArray> {
    const at = this.lowered.inputs.findIndex((input) => input.name === name);
    return floats(await this.values[at]!.read(), this.lowered.float);
  }

  /** The buffers of the state, before the step that takes them. */
  donated(): PjrtBuffer[] {
    return this.lowered.donated.map((input) => this.values[input]!);
  }

  memory() {
    return this.program.memory();
  }

  drop(): void {
    for (const buffer of this.values) buffer.drop();
  }
}

async function putCell(
  client: PjrtClient,
  cell: Cell,
  type: "float32" | "float64",
): Promise<PjrtBuffer> {
  const { members, order, shape } = cell;
  if (order !== undefined) {
    const [{ name, shape: own }] = members as [Cell["members"][number]];
    const data = madeValues(name, own, type);
    return client.put({ type, shape, data }, { order: inverseOrder(order) });
  }
  const parts = members.map((member) => madeValues(member.name, member.shape, type));
  const data =
    type === "float64" ? new Float64Array(sizeOfAll(parts)) : new Float32Array(sizeOfAll(parts));
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return client.put({ type, shape, data });
}

function sizeOfAll(parts: readonly FloatArray[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}

function floats(
  { buffer, byteOffset, byteLength }: Uint8Array,
  type: "float32" | "float64",
): FloatArray {
  return type === "float64"
    ? new Float64Array(buffer, byteOffset, byteLength / 8)
    : new Float32Array(buffer, byteOffset, byteLength / 4);
}
