/** Values of a StableHLO function: their types, their shapes, and numbers as they are written. */
import type { ElementType } from "../types.js";

/** A value of the function. */
export interface Value {
  /** As in `%12`. */
  readonly id: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
}

export type ValueSpec = Omit<Value, "id">;

const typeNames: Partial<Record<ElementType, string>> = {
  float32: "f32",
  bfloat16: "bf16",
  float16: "f16",
  int32: "i32",
  int64: "i64",
  uint8: "ui8",
  bool: "i1",
};

/** As in `tensor<2x3xf32>`. */
export function tensorType({ shape, type }: ValueSpec): string {
  const name = typeNames[type];
  if (name === undefined) throw new Error(`no StableHLO type for ${type}`);
  return `tensor<${[...shape, name].join("x")}>`;
}

/**
 * How a value is placed on several devices, as XLA writes it: divided along the first of `shape`'s
 * dimensions, or, where that is undefined, whole on each.
 */
export function shardingText(shape: readonly number[] | undefined, partitions: number): string {
  if (shape === undefined) return "{replicated}";
  const parts = shape.map((_, axis) => (axis === 0 ? partitions : 1)).join(",");
  return `{devices=[${parts}]<=[${partitions}]}`;
}

/** As in `[1, 2]`. */
export function list(values: readonly (number | string)[]): string {
  return `[${values.join(", ")}]`;
}

/** As in `array<i64: 1, 2>`. */
export function i64Array(values: readonly number[]): string {
  return `array<i64${values.length > 0 ? ": " : ""}${values.join(", ")}>`;
}

// Bits of minus infinity, the start of a maximum.
const lowest: Partial<Record<ElementType, string>> = {
  float32: "0xFF800000",
  bfloat16: "0xFF80",
  float16: "0xFC00",
};

/** A number as it stands in a constant. */
export function literal(number: number, type: ElementType): string {
  if (type === "bool") return String(number !== 0);
  if (type === "float32" || type === "bfloat16" || type === "float16") {
    if (Number.isFinite(number)) return number.toExponential(9);
    if (number !== Number.NEGATIVE_INFINITY) throw new Error(`a constant that is ${number}`);
    return lowest[type]!;
  }
  return String(number);
}

/** The shape to which both broadcast, as numpy has it. */
export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length < b.length) return broadcastShape(b, a);
  const offset = a.length - b.length;
  return a.map((size, i) => {
    const other = i < offset ? 1 : b[i - offset]!;
    if (size !== other && size !== 1 && other !== 1) throw new Error(`shapes ${a} and ${b}`);
    return size === 1 ? other : size;
  });
}
