/** Variables' values in a program: taken out of the cells in which they are, and put back when they change. */
import { sizeOf } from "../../archive/shape.js";
import type { GraphNode, Output } from "../node-list.js";
import { type Cell, inverseOrder, offsetIn } from "./cells.js";
import type { Emitter } from "./emitter.js";
import { input } from "./operator.js";
import type { Value } from "./values.js";

/** The name of the variable that a node reads or changes. */
export function variableOf(node: GraphNode, place = 0): string {
  return input(node, place).node;
}

export class CellValues {
  /** The value that each cell has at the start. */
  private readonly current = new Map<Cell, Value>();
  private readonly cellByVariable: ReadonlyMap<string, Cell>;

  /** @param value what another node's output became */
  constructor(
    private readonly emitter: Emitter,
    cells: readonly Cell[],
    private readonly value: (output: Output) => Value,
  ) {
    this.cellByVariable = new Map(
      cells.flatMap((cell) => cell.members.map(({ name }) => [name, cell] as const)),
    );
  }

  /** Tells a cell's value at the start. */
  begin(cell: Cell, value: Value): void {
    this.current.set(cell, value);
  }

  /** The cell of a variable. Throws where it has none. */
  cell(variable: string): Cell {
    const cell = this.cellByVariable.get(variable);
    if (cell === undefined) throw new Error(`no variable ${variable}`);
    return cell;
  }

  /** The cells that an update changes. */
  changes(node: GraphNode): Cell[] {
    const first = this.cell(variableOf(node));
    return node.op === "ResourceApplyMomentum" ? [first, this.cell(variableOf(node, 1))] : [first];
  }

  /** The value that a variable has at the start, in the graph's own shape. */
  read(node: GraphNode): Value {
    const name = variableOf(node);
    const cell = this.cell(name);
    return this.member(cell, name, this.current.get(cell)!);
  }

  /** A variable's value in the graph's own shape, from the cell's. */
  private member(cell: Cell, name: string, value: Value): Value {
    const { emitter } = this;
    const member = cell.members.find((one) => one.name === name)!;
    if (cell.order !== undefined) return emitter.transpose(value, inverseOrder(cell.order));
    if (cell.members.length === 1) return emitter.reshape(value, member.shape);
    const begin = offsetIn(cell, name);
    const part = emitter.slice(value, [begin], [begin + sizeOf(member.shape)]);
    return emitter.reshape(part, member.shape);
  }

  /** Values of all of a cell's members, in the graph's own shapes, as the cell has them. */
  private together(cell: Cell, values: ReadonlyMap<string, Value>): Value {
    const { emitter } = this;
    if (cell.order !== undefined)
      return emitter.transpose(values.get(cell.members[0]!.name)!, cell.order);
    const parts = cell.members.map(({ name, shape }) => {
      const value = values.get(name) ?? this.member(cell, name, this.current.get(cell)!);
      return cell.members.length === 1 ? value : emitter.reshape(value, [sizeOf(shape)]);
    });
    return emitter.reshape(emitter.concatenate(parts, 0), cell.shape);
  }

  /** New values of cells, by nodes that change variables. */
  updated(nodes: readonly GraphNode[]): Map<Cell, Value> {
    const news = new Map<Cell, Value>();
    const set = (cell: Cell, value: Value) => {
      if (news.has(cell)) throw new Error(`${cell.name} is changed twice`);
      news.set(cell, value);
    };
    const byKind = (op: string) => nodes.filter((node) => node.op === op);
    for (const group of this.inCells(byKind("AssignVariableOp")))
      set(group.cell, this.together(group.cell, this.operands(group.nodes, 1)));
    for (const group of this.inCells(byKind("AssignAddVariableOp"))) {
      const added = this.together(group.cell, this.operands(group.nodes, 1));
      this.requireWhole(group.cell, group.nodes);
      set(group.cell, this.emitter.binary("add", this.current.get(group.cell)!, added));
    }
    for (const { cell, nodes: steps } of this.inCells(byKind("ResourceApplyMomentum"))) {
      this.requireWhole(cell, steps);
      const { emitter } = this;
      const first = steps[0]!;
      const velocity = this.cell(variableOf(first, 1));
      const gradient = this.together(cell, this.operands(steps, 3));
      const [rate, momentum] = [this.value(input(first, 2)), this.value(input(first, 4))];
      const kept = emitter.binary("multiply", this.current.get(velocity)!, momentum);
      const speed = emitter.binary("add", kept, gradient);
      set(velocity, speed);
      const change = emitter.binary("multiply", speed, rate);
      set(cell, emitter.binary("subtract", this.current.get(cell)!, change));
    }
    return news;
  }

  /** Each variable's operand of its update. */
  private operands(nodes: readonly GraphNode[], place: number): Map<string, Value> {
    return new Map(nodes.map((node) => [variableOf(node), this.value(input(node, place))]));
  }

  private inCells(nodes: readonly GraphNode[]): { cell: Cell; nodes: GraphNode[] }[] {
    const groups = new Map<Cell, GraphNode[]>();
    for (const node of nodes) {
      const cell = this.cell(variableOf(node));
      groups.set(cell, [...(groups.get(cell) ?? []), node]);
    }
    return [...groups].map(([cell, members]) => ({ cell, nodes: members }));
  }

  /** An update of a cell is one for all its members, with the same rate and momentum. */
  private requireWhole(cell: Cell, nodes: readonly GraphNode[]): void {
    const alike = (place: number) => {
      return nodes.every((node) => node.inputs[place]?.node === nodes[0]!.inputs[place]?.node);
    };
    const even = nodes[0]!.op !== "ResourceApplyMomentum" || (alike(2) && alike(4));
    if (nodes.length !== cell.members.length || !even)
      throw new Error(`${cell.name}: ${nodes.length} updates of ${cell.members.length} variables`);
  }
}
