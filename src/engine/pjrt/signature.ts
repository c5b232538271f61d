/**
 * The types of a module's arguments, read from its text. Plugins compare the sizes of arguments alone: a
 * float32 would be taken for an int32.
 */
import type { PjrtType } from "./array-layout.js";

export interface ArrayType {
  readonly type: PjrtType;
  readonly shape: readonly number[];
}

const TYPES: ReadonlyMap<string, PjrtType> = new Map([
  ["f32", "float32"],
  ["bf16", "bfloat16"],
  ["f16", "float16"],
  ["f64", "float64"],
  ["i32", "int32"],
  ["i64", "int64"],
  ["ui8", "uint8"],
  ["i1", "bool"],
]);

/**
 * The types of main's arguments in a StableHLO module.
 * @returns undefined for each that is no dense array of a known type
 * @throws Error where the text has no main
 */
export function argumentTypes(mlir: string): (ArrayType | undefined)[] {
  const start = /\bfunc\.func\s+(?:public\s+)?@main\s*\(/.exec(mlir);
  if (start === null) throw new Error("the module has no function main");
  const inside = upToClosing(mlir, start.index + start[0].length);
  return [...inside.matchAll(/%[\w$.-]+\s*:\s*(?:tensor<([^>]*)>)?/g)].map((match) =>
    arrayType(match[1]),
  );
}

/** The text from `start` to the parenthesis that closes the one before it, without what is quoted. */
function upToClosing(text: string, start: number): string {
  const part = /"(?:[^"\\]|\\.)*"|[()]/g;
  part.lastIndex = start;
  let inside = "";
  let depth = 1;
  for (let from = start; ; from = part.lastIndex) {
    const found = part.exec(text);
    if (found === null) throw new Error("the module's function main has no end of its arguments");
    inside += text.slice(from, found.index);
    if (found[0] === "(") depth++;
    if (found[0] === ")" && --depth === 0) return inside;
  }
}

/** Of a tensor's `2x3xf32`. */
function arrayType(tensor: string | undefined): ArrayType | undefined {
  const sizes = tensor?.trim().split("x") ?? [];
  const type = TYPES.get(sizes.pop() ?? "");
  const isStatic = sizes.every((size) => /^\d+$/.test(size));
  return type !== undefined && isStatic ? { type, shape: sizes.map(Number) } : undefined;
}

function fits(value: ArrayType, wanted: ArrayType, divided: boolean): boolean {
  if (value.type !== wanted.type || value.shape.length !== wanted.shape.length) return false;
  return value.shape.every((size, i) => {
    const whole = wanted.shape[i]!;
    return size === whole || (divided && size > 0 && whole % size === 0);
  });
}

/** As messages name a type. */
function nameOf({ type, shape }: ArrayType): string {
  return `${type}[${shape}]`;
}

/**
 * @param divided whether values may be shares of the program's, equal ones along any dimensions
 * @throws Error where values are not of the types that the program takes
 */
export function checkTypes(
  values: readonly ArrayType[],
  expected: readonly (ArrayType | undefined)[],
  divided = false,
): void {
  if (values.length !== expected.length)
    throw new Error(`${values.length} arguments, the program takes ${expected.length}`);
  for (const [i, wanted] of expected.entries())
    if (wanted !== undefined && !fits(values[i]!, wanted, divided))
      throw new Error(
        `argument ${i} is ${nameOf(values[i]!)}, the program takes ${nameOf(wanted)}` +
          (divided ? " or a share of it" : ""),
      );
}
