/**
 * How a graph's variables are stored on a device. A kernel `[H,W,I,O]` is stored with its filters outermost,
 * `[O,H,W,I]`: the form that tensor cores take, in which a filter's weights are one row, so that
 * standardization is one pass. Small variables are packed into one vector: what is done to
 * each of them is then done to all by one kernel of the device.
 */
import { sizeOf } from "../../archive/shape.js";
import type { GraphNode } from "../node-list.js";
import { type ElementType, isFloat, typeOf } from "../types.js";

export interface CellVariable {
  readonly name: string;
  readonly shape: readonly number[];
  /** Default: float32. */
  readonly type?: ElementType | undefined;
  /** Whether the graph steps it: what a step changes is packed apart from what stays as it is. */
  readonly stepped?: boolean | undefined;
}

/** One value on the device: a variable, or several of float32. */
export interface Cell {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** In the order in which they are packed. */
  readonly members: readonly CellVariable[];
  /** Of a single member's dimensions, which is where, outermost first; undefined: as they are. */
  readonly order: readonly number[] | undefined;
}

const filtersOutermost = [3, 0, 1, 2];

/** What changes variables by what they were: all of a cell at a time. */
const stepOperators: ReadonlySet<string> = new Set([
  "ResourceApplyMomentum",
  "AssignAddVariableOp",
]);

/** The cells of all of a graph's variables. */
export function graphCells(nodes: readonly GraphNode[]): Cell[] {
  const variables = nodes.filter(({ op }) => op === "VarHandleOp");
  const steps = nodes.filter(({ op }) => stepOperators.has(op));
  const stepped = new Set(steps.map(({ inputs }) => inputs[0]!.node));
  return cellsOf(
    variables.map(({ name, attrs }) => {
      const dims = attrs["shape"]?.shape?.dim ?? [];
      const number = attrs["dtype"]?.type;
      const type = number === undefined ? undefined : typeOf(number);
      const shape = dims.map(({ size }) => size);
      return { name, type, shape, stepped: stepped.has(name) };
    }),
  );
}

/** Divides variables into cells. Equal variables give equal cells. */
export function cellsOf(variables: readonly CellVariable[]): Cell[] {
  const cells: Cell[] = [];
  const small = new Map<string, CellVariable[]>();
  for (const variable of variables) {
    const { name, shape, type = "float32" } = variable;
    if (type === "float32" && shape.length <= 1) {
      // As in `momentum/resnet/...`: weights and each kind of optimizer state are packed apart.
      const kind = name.split("/")[0]!;
      small.set(kind, [...(small.get(kind) ?? []), variable]);
      continue;
    }
    // Others are tables that are looked up in: of images, of labels.
    const isKernel = isFloat(type) && shape.length === 4;
    const order = isKernel ? filtersOutermost : undefined;
    const stored = order === undefined ? shape : order.map((axis) => shape[axis]!);
    cells.push({ name, type, shape: stored, members: [variable], order });
  }
  const pack = (name: string, members: readonly CellVariable[]) => {
    const total = members.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    cells.push({ name, type: "float32", shape: [total], members, order: undefined });
  };
  for (const [kind, members] of small) {
    const [stepped, still] = [true, false].map((is) =>
      members.filter((member) => (member.stepped ?? false) === is),
    );
    const mixed = stepped!.length > 0 && still!.length > 0;
    pack(`${kind}/*`, mixed ? stepped! : members);
    if (mixed) pack(`${kind}/still/*`, still!);
  }
  return cells;
}

/** The order that leads back: of a cell's dimensions, which is where in the variable; outermost first. */
export function inverseOrder(order: readonly number[]): number[] {
  return order.map((_, axis) => order.indexOf(axis));
}

/** Where a member's values begin in its cell, in values. Throws where it is none of the cell's. */
export function offsetIn(cell: Cell, name: string): number {
  let offset = 0;
  for (const member of cell.members) {
    if (member.name === name) return offset;
    offset += sizeOf(member.shape);
  }
  throw new Error(`${name} is not stored in ${cell.name}`);
}
