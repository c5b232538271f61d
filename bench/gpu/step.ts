/**
 * One step of a network as a program of XLA: traced and lowered by the product, compiled for a plugin,
 * and run on values made here. TensorFlow has no part in it.
 */
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { addEvalStep, addPredictStep } from "../../src/step/eval-step.js";
import { addTrainStep, type Network } from "../../src/step/train-step.js";
import { declareVariables, type GraphVariable } from "../../src/step/variables.js";
import { openPjrt } from "./prototype/client.js";
import { lower } from "./prototype/stablehlo.js";

/** What is computed. */
export interface StepRequest {
  /** As in `R50x1`. */
  readonly model: string;
  readonly mode: "train" | "eval";
  readonly batch: number;
  /** Pixels of a side. */
  readonly size: number;
  readonly type: "float32" | "bfloat16" | "float16" | "float64";
  /** Activations are computed a second time in the backward pass instead of kept. */
  readonly remat?: boolean;
}

interface Value {
  readonly name: string;
  readonly type: "float32" | "float64" | "int32";
  readonly shape: readonly number[];
}

/** A step as text. */
export interface LoweredStep {
  readonly text: string;
  /** Variables, then what the optimizer remembers, then what is fed. */
  readonly inputs: readonly Value[];
  /** How many of the inputs are the state, which a training step gives back first. */
  readonly state: number;
  readonly outputs: readonly Value[];
}

const classes = 10;

/** Traces and lowers a step. float32 asks for the highest precision. */
export async function lowerStep(request: StepRequest): Promise<LoweredStep> {
  const { model, mode, batch, size, type, remat = false } = request;
  const builder = new GraphBuilder();
  const recorded = record(builder);
  const architecture = parseArchitecture(model);
  const computeType = type === "float64" ? "float32" : type;
  const network = { architecture, classes, computeType, fused: false, remat } as Network;
  const variables = declareVariables(builder, variableSpecs(architecture, classes));
  const images = builder.placeholder("images", "float32", [batch, size, size, 3]);
  const labels = builder.placeholder("labels", "int32", [batch]);
  let state: GraphVariable[] = [];
  if (mode === "train") {
    state = await addTrainStep(
      builder,
      network,
      variables,
      { images, labels },
      { mixup: false, split: 1 },
    );
  } else {
    await addPredictStep(builder, network, variables, images);
    void addEvalStep;
  }
  const feeds: Record<string, { type: string; shape: readonly number[] }> = {
    images: { type: "float32", shape: images.shape! },
  };
  if (mode === "train") {
    feeds["labels"] = { type: "int32", shape: [batch] };
    feeds["train/learning_rate"] = { type: "float32", shape: [] };
  }
  const low = lower(
    { recorded, variables, state },
    { feeds, update: mode === "train", fetch: mode === "train" ? "train/step" : "predict/logits" },
  );
  let text: string = low.text;
  if (type === "float32" || type === "float64") {
    text = text.replaceAll(
      "feature_group_count = 1 : i64}",
      "feature_group_count = 1 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]}",
    );
  }
  if (type === "float64") {
    text = text
      .replaceAll("xf32>", "xf64>")
      .replaceAll("tensor<f32>", "tensor<f64>")
      .replaceAll("0xFF800000", "0xFFF0000000000000");
  }
  const float = type === "float64" ? "float64" : "float32";
  const typed = (value: { name: string; type: string; shape: readonly number[] }): Value => {
    return { name: value.name, shape: value.shape, type: value.type === "int32" ? "int32" : float };
  };
  const inputs: Value[] = low.args.map(typed);
  const count = variables.length + state.length;
  const result: Value =
    mode === "train"
      ? { name: "loss", type: float, shape: [] }
      : { name: "logits", type: float, shape: [batch, classes] };
  const outputs = mode === "train" ? [...inputs.slice(0, count), result] : [result];
  return { text, inputs, state: count, outputs };
}

function record(builder: GraphBuilder) {
  const recorded = new Map<string, object>();
  const add = builder.add.bind(builder);
  builder.add = (op, inputs, attrs, outputs, options) => {
    const made = add(op, inputs, attrs, outputs, options);
    const out = made[0].index < 0 ? [] : made;
    recorded.set(made[0].node, { op, inputs, attrs, outputs: out, after: options?.after ?? [] });
    return made;
  };
  return recorded;
}

/** The client of a plugin. On a GPU it takes memory as it needs it, up to `memoryFraction` of the card's. */
export function openClient(plugin: string, options: { gpu: boolean; memoryFraction?: number }) {
  const { gpu, memoryFraction = 0.92 } = options;
  return openPjrt(plugin, gpu ? { preallocate: false, memory_fraction: memoryFraction } : {});
}

export type Client = ReturnType<typeof openClient>;

/** A compiled step with its state on the device. */
export class RunningStep {
  private constructor(
    private readonly client: Client,
    private readonly program: any,
    readonly lowered: LoweredStep,
    private state: any[],
    private readonly fed: any[],
  ) {}

  static async compile(client: Client, lowered: LoweredStep): Promise<any> {
    return client.compile(lowered.text, lowered.outputs);
  }

  static async load(client: Client, lowered: LoweredStep, bytes: Uint8Array): Promise<any> {
    return client.load(bytes, lowered.outputs);
  }

  /** Puts the same values on every device and in every process. */
  static async start(client: Client, lowered: LoweredStep, program: any): Promise<RunningStep> {
    const values = new MadeValues();
    const buffers = [];
    for (const { name, type, shape } of lowered.inputs) {
      buffers.push(await client.put({ type, shape, data: values.make(name, type, shape) }));
    }
    const state = buffers.slice(0, lowered.state);
    return new RunningStep(client, program, lowered, state, buffers.slice(lowered.state));
  }

  /** Enqueues a step. Its result: the loss, or the logits. */
  async run() {
    const train = this.lowered.outputs.length > 1;
    const donated = train ? this.state.map((_, i) => i) : [];
    const [out] = await this.program.run([[...this.state, ...this.fed]], donated);
    if (train) this.state = out.slice(0, -1);
    return out.at(-1);
  }

  /** Runs a step and reads its result. */
  async result(): Promise<Float32Array | Float64Array> {
    const buffer = await this.run();
    const values = floats(await buffer.read(), buffer.type);
    buffer.drop();
    return values;
  }

  /** New images for the next step, as a training run brings them. */
  async bring(images: Float32Array): Promise<void> {
    const { type, shape } = this.lowered.inputs[this.lowered.state]!;
    this.fed[0].drop();
    this.fed[0] = await this.client.put({ type, shape, data: images });
  }

  /** A buffer of the state, by its variable's name. */
  variable(name: string) {
    return this.state[this.lowered.inputs.findIndex((input) => input.name === name)];
  }

  memory() {
    return this.program.memory();
  }

  drop(): void {
    for (const buffer of [...this.state, ...this.fed]) buffer.drop();
  }
}

export function floats(bytes: Uint8Array, type: string): Float32Array | Float64Array {
  const { buffer, byteOffset, byteLength } = bytes;
  return type === "float64"
    ? new Float64Array(buffer, byteOffset, byteLength / 8)
    : new Float32Array(buffer, byteOffset, byteLength / 4);
}

/** Values that depend on the order of asking alone: uniform numbers of a linear congruential generator. */
export class MadeValues {
  private readonly block = uniform(2 ** 20);
  private at = 0;

  make(name: string, type: Value["type"], shape: readonly number[]) {
    const count = shape.reduce((a, b) => a * b, 1);
    if (type === "int32") return new Int32Array(count).map((_, i) => i % classes);
    const made = type === "float64" ? new Float64Array(count) : new Float32Array(count);
    if (name === "train/learning_rate") return made.fill(Math.fround(0.003));
    if (/^momentum\/|beta$|bias$/.test(name)) return made;
    if (/gamma$/.test(name)) return made.fill(1);
    for (let i = 0; i < count; ) {
      const length = Math.min(count - i, this.block.length - this.at);
      made.set(this.block.subarray(this.at, this.at + length), i);
      i += length;
      this.at = (this.at + length) % this.block.length;
    }
    // Filters are standardized, whatever their scale; logits of a scale of their own would be far apart.
    if (name === "resnet/head/conv2d/kernel") return made.map((x) => x / 16);
    return made;
  }
}

/** `count` numbers in [-1, 1) that float32 holds exactly. */
function uniform(count: number): Float32Array {
  let state = 1;
  return new Float32Array(count).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 2 ** 23 - 1);
  });
}
