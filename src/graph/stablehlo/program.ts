/**
 * A part of a graph as one StableHLO program: values of variables, what is fed and what the host has
 * made go in; new values of the variables and what is fetched come out. Variables that change are
 * donated: their new values take the old ones' memory.
 */
import type { GraphNode, Output } from "../node-list.js";
import type { ElementType } from "../types.js";
import { CellValues, variableOf } from "./cell-values.js";
import type { Cell } from "./cells.js";
import { Emitter } from "./emitter.js";
import { input, type Lowering } from "./operator.js";
import { operators } from "./operators.js";
import { type NodeIndex, nodeOf, type Reach } from "./reach.js";
import { shardingText, tensorType, type Value, type ValueSpec } from "./values.js";

export interface ProgramInput extends ValueSpec {
  readonly from: "cell" | "feed" | "host";
  /** The cell's, the placeholder's or the node's name. */
  readonly name: string;
}

export interface ProgramOutput extends ValueSpec {
  readonly to: "cell" | "fetch";
  readonly name: string;
}

export interface StableHloProgram {
  /** The module, in MLIR's text form. Equal programs have equal text. */
  readonly text: string;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  /** Inputs, by their place, of which the memory becomes an output's. */
  readonly donated: readonly number[];
}

export interface LoweringOptions {
  /**
   * Devices among which the program is divided: each computes its share of what the host gives, along the
   * first dimension, and has all variables. XLA adds the sums over devices. Default: 1.
   */
  readonly partitions?: number | undefined;
  /**
   * How many times the program runs at once, each on as many devices: one in each of several processes whose graphs do
   * things together (src/graph/collectives.ts). Default: 1.
   */
  readonly replicas?: number | undefined;
  /** `HIGHEST`: products of float32 values are not made of rounded ones. Default: the device's own. */
  readonly precision?: "DEFAULT" | "HIGHEST" | undefined;
}

/**
 * Lowers what `fetches` need.
 * @param cells how the graph's variables are stored on the device
 * @throws Error where the graph holds what has no lowering
 */
export function lowerProgram(
  index: NodeIndex,
  fetches: readonly string[],
  reach: Reach,
  cells: readonly Cell[],
  options: LoweringOptions = {},
): StableHloProgram {
  return new ProgramWriter(index, cells, options).write(fetches, reach);
}

class ProgramWriter {
  private readonly emitter: Emitter;
  private readonly values = new Map<string, Value>();
  private readonly inputs: ProgramInput[] = [];
  private readonly variables: CellValues;
  private readonly lowering: Lowering;
  private readonly partitions: number;
  private readonly replicas: number;

  constructor(
    private readonly index: NodeIndex,
    cells: readonly Cell[],
    { precision, partitions = 1, replicas = 1 }: LoweringOptions,
  ) {
    this.partitions = partitions;
    this.replicas = replicas;
    this.emitter = new Emitter(precision);
    this.variables = new CellValues(this.emitter, cells, (output) => this.value(output));
    this.lowering = {
      emitter: this.emitter,
      replicas,
      partitions,
      value: (output) => this.value(output),
      node: (output) => nodeOf(this.index, output.node),
      integers: (output) => integersOf(nodeOf(this.index, output.node)),
    };
  }

  write(fetches: readonly string[], reach: Reach): StableHloProgram {
    const changed = new Set(reach.updates.flatMap((node) => this.variables.changes(node)));
    const used = new Set([
      ...changed,
      ...reach.reads.map((node) => this.variables.cell(variableOf(node))),
    ]);
    for (const cell of used) {
      const value = this.argument({
        from: "cell",
        name: cell.name,
        shape: cell.shape,
        type: cell.type,
      });
      this.variables.begin(cell, value);
    }
    for (const { name, outputs } of reach.placeholders) {
      const [{ type, shape }] = outputs as [Output];
      const value = this.argument({ from: "feed", name, ...known(name, type, shape) });
      this.values.set(`${name}:0`, value);
    }
    for (const { node, index: place, type, shape } of reach.hosted) {
      const value = this.argument({ from: "host", name: node, ...known(node, type, shape) });
      this.values.set(`${node}:${place}`, value);
    }
    for (const node of reach.reads) this.values.set(`${node.name}:0`, this.variables.read(node));
    for (const node of reach.computed) {
      const operator = operators[node.op];
      if (operator === undefined) throw new Error(`${node.op} has no lowering`);
      const value = operator(this.lowering, node);
      // Of operations with several outputs the one that traces use: TopKV2's places.
      this.values.set(`${node.name}:${node.op === "TopKV2" ? 1 : 0}`, value);
    }
    const news = this.variables.updated(reach.updates);
    const outputs: (ProgramOutput & { readonly id: string })[] = [];
    // In the order in which they came in.
    for (const cell of used) {
      const value = news.get(cell);
      if (value !== undefined) outputs.push({ to: "cell", name: cell.name, ...value });
    }
    for (const name of fetches) {
      const value = this.value(input(nodeOf(this.index, name), 0));
      outputs.push({ to: "fetch", name, ...value });
    }
    return this.finished(outputs);
  }

  private finished(
    outputs: readonly (ProgramOutput & { readonly id: string })[],
  ): StableHloProgram {
    const donated: number[] = [];
    const args = this.inputs.map((spec, i) => {
      const target = outputs.findIndex(({ to, name }) => {
        return spec.from === "cell" && to === "cell" && name === spec.name;
      });
      const attrs = this.sharding(isDivided(spec, this.partitions) ? spec.shape : undefined);
      if (target !== -1) {
        donated.push(i);
        attrs.push(`tf.aliasing_output = ${target} : i32`);
      }
      return `%arg${i}: ${tensorType(spec)}${attributes(attrs)}`;
    });
    const types = outputs.map(tensorType).join(", ");
    const results = outputs.map(
      (spec) => `${tensorType(spec)}${attributes(this.sharding(undefined))}`,
    );
    const text = [
      `module @bit_train attributes {mhlo.num_partitions = ${this.partitions} : i32, mhlo.num_replicas = ${this.replicas} : i32} {`,
      `  func.func public @main(${args.join(", ")}) -> (${results.join(", ")}) {`,
      this.emitter.text("    "),
      `    return ${outputs.map(({ id }) => id).join(", ")} : ${types}`,
      "  }",
      "}",
      "",
    ].join("\n");
    return {
      text,
      inputs: this.inputs,
      outputs: outputs.map(({ to, name, shape, type }) => ({ to, name, shape, type })),
      donated,
    };
  }

  /** How an argument or a result is placed on several devices: `shardingText`. */
  private sharding(shape: readonly number[] | undefined): string[] {
    if (this.partitions === 1) return [];
    return [`mhlo.sharding = "${shardingText(shape, this.partitions)}"`];
  }

  private argument(spec: ProgramInput): Value {
    const id = `%arg${this.inputs.length}`;
    this.inputs.push(spec);
    return { id, shape: spec.shape, type: spec.type };
  }

  private value(output: Output): Value {
    const value = this.values.get(`${output.node}:${output.index}`);
    if (value === undefined) throw new Error(`${output.node}:${output.index} was not lowered`);
    return value;
  }
}

/** Whether each device has its own share of an input. */
export function isDivided({ from, shape }: ProgramInput, partitions: number): boolean {
  const [examples] = shape;
  return partitions > 1 && from === "host" && examples !== undefined && examples % partitions === 0;
}

function attributes(list: readonly string[]): string {
  return list.length === 0 ? "" : ` {${list.join(", ")}}`;
}

function known(
  name: string,
  type: ElementType,
  shape: readonly number[] | undefined,
): { type: ElementType; shape: readonly number[] } {
  if (shape === undefined || shape.some((size) => size < 0))
    throw new Error(`the shape of ${name} is not known`);
  return { type, shape };
}

function integersOf(node: GraphNode): number[] {
  const content = node.op === "Const" ? node.attrs["value"]?.tensor?.tensorContent : undefined;
  if (content === undefined) throw new Error(`${node.name} is no constant`);
  const copy = Uint8Array.from(content);
  return Array.from(new Int32Array(copy.buffer));
}
