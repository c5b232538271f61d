/**
 * Reads what XLA made of a program for a GPU, as text (`xla_dump_to`): the kernels that the entry
 * computation starts, and the bytes that each reads and writes.
 */

export interface HloCost {
  /** Kernels of the entry computation: what its instructions start. */
  readonly kernels: number;
  /** Bytes read and written by all of them, each operand and result once. */
  readonly trafficBytes: number;
  /** Kernels and bytes by kind: `fusion kInput`, `custom-call __cudnn$convForward`, ... */
  readonly kinds: ReadonlyMap<string, { readonly count: number; readonly bytes: number }>;
  /** Convolutions by their `dim_labels`, as in `b01f_o01i->b01f`. */
  readonly convolutions: ReadonlyMap<string, number>;
  /** Scatter instructions anywhere in the module. */
  readonly scatters: number;
}

const widths: Readonly<Record<string, number>> = {
  ...{ pred: 1, s8: 1, u8: 1, bf16: 2, f16: 2, s16: 2, u16: 2 },
  ...{ s32: 4, u32: 4, f32: 4, s64: 8, u64: 8, f64: 8 },
};

/** Instructions that move nothing. */
const free = new Set(["parameter", "get-tuple-element", "tuple", "bitcast", "constant"]);

/** Reads a whole module's text. @throws Error where it has no entry computation */
export function readHlo(text: string): HloCost {
  const start = text.search(/^ENTRY /m);
  if (start < 0) throw new Error("an HLO module without an entry computation");
  const entry = text.slice(start, text.indexOf("\n}", start));
  const sizes = new Map<string, number>();
  const kinds = new Map<string, { count: number; bytes: number }>();
  for (const line of entry.split("\n").slice(1)) {
    const found = /^\s+(?:ROOT )?%?([\w.-]+) = (\(.*?\)|\S+) ([\w-]+)\((.*)/.exec(line);
    if (found === null) continue;
    const [, name, type, op, rest] = found as unknown as [string, string, string, string, string];
    sizes.set(name, bytesOf(type));
    if (free.has(op)) continue;
    const operands = [...rest.split("), ")[0]!.matchAll(/%([\w.-]+)/g)].map((match) => match[1]!);
    const read = operands.reduce((sum, operand) => sum + (sizes.get(operand) ?? 0), 0);
    const bytes = sizes.get(name)! + read;
    const kind = kindOf(op, line);
    const sum = kinds.get(kind) ?? { count: 0, bytes: 0 };
    kinds.set(kind, { count: sum.count + 1, bytes: sum.bytes + bytes });
  }
  const convolutions = new Map<string, number>();
  for (const [, labels] of text.matchAll(/dim_labels=([\w>-]+)/g)) {
    convolutions.set(labels!, (convolutions.get(labels!) ?? 0) + 1);
  }
  return {
    kernels: sumOf(kinds, ({ count }) => count),
    trafficBytes: sumOf(kinds, ({ bytes }) => bytes),
    kinds: new Map([...kinds].sort((a, b) => b[1].bytes - a[1].bytes)),
    convolutions,
    scatters: [...text.matchAll(/ = \S+ scatter\(/g)].length,
  };
}

/** Labels of convolutions whose images or filters have their channels before their pixels. */
export function channelsFirst(cost: HloCost): string[] {
  return [...cost.convolutions.keys()].filter((labels) => /^(bf|fb)01|->(bf|fb)01/.test(labels));
}

/** The kinds that move most, in words. */
export function kindsOf({ kinds }: HloCost): string {
  const texts = [...kinds].map(
    ([kind, { count, bytes }]) => `${count} x ${kind} ${(bytes / 1e9).toFixed(2)} GB`,
  );
  return texts.slice(0, 8).join(", ");
}

function kindOf(op: string, line: string): string {
  if (op === "custom-call") return `custom-call ${/custom_call_target="([^"]*)"/.exec(line)?.[1]}`;
  if (op !== "fusion") return op;
  if (line.includes("__cudnn$fusion")) return "fusion cudnn";
  if (line.includes("__triton")) return "fusion triton";
  return `fusion ${/kind=(\w+)/.exec(line)?.[1]}`;
}

/** Of a shape or a tuple of shapes, as in `(bf16[8,4]{1,0}, u8[16])`. */
function bytesOf(type: string): number {
  return [...type.matchAll(/(\w+)\[([\d,]*)\]/g)].reduce((sum, [, element, dimensions]) => {
    const count = dimensions === "" ? 1 : dimensions!.split(",").reduce((n, d) => n * Number(d), 1);
    return sum + count * (widths[element!] ?? 0);
  }, 0);
}

function sumOf<T>(kinds: ReadonlyMap<string, T>, value: (kind: T) => number): number {
  return [...kinds.values()].reduce((sum, kind) => sum + value(kind), 0);
}
