/**
 * What a pipeline makes of an example's number: the function that its dataset maps over them. Written
 * for files and for pixels in memory, with the operations of native/kernels/ and without.
 */
import type { FileSource, Split } from "../data/dataset.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import { row } from "../graph/ops.js";
import type { Target } from "../graph/target.js";
import { fileColumns, fileInputs } from "./file-table.js";
import { branch, cropAndFlip, decodeFile, defineTurn, normalize } from "./image-functions.js";
import {
  cachedImage,
  gatherResizeCrop,
  isCached,
  keep,
  resizeCrop,
  upright,
} from "./native-images.js";
import { defineResize, interpolated, resize } from "./resize-functions.js";
import type { ResizeMethod } from "./resize-method.js";

/** What a function looks examples up in, by name: `labels`, and `pixels` or what decodes a file. */
export type Tables = Readonly<Record<string, OutputSpec>>;

export interface ExampleOptions {
  /** Of the function, and the beginning of those that it calls. */
  readonly name: string;
  readonly split: Split;
  readonly resizeTo: number;
  readonly crop?: number | undefined;
  readonly target: Target;
  readonly method: ResizeMethod;
  /** Examples of one call; undefined is one, without a dimension for it. */
  readonly rows?: number | undefined;
}

/** Whether examples are uint8: the operations of native/kernels/ resize as Pillow alone does. */
export function givesBytes({ target, method }: Pick<ExampleOptions, "target" | "method">) {
  return target.native.host && method === "pillow";
}

// A side to which resizing would not make an image smaller: the cache then keeps it as it was decoded.
const neverSmaller = 2 ** 20;

/**
 * Defines (index, augmentation, tables) to (image, label). Images are bytes where `givesBytes`, else
 * float32 in [-1, 1]. Where `tables` has `cache`, it holds what was decoded.
 */
export function defineExamples(
  builder: GraphBuilder,
  options: ExampleOptions,
  tables: Tables,
): void {
  const { name, split, resizeTo, crop, target, method, rows } = options;
  const dims = rows === undefined ? [] : [rows];
  const names = Object.keys(tables);
  const nodes = new FunctionBuilder(name, [
    { name: "index", type: "int32", shape: dims },
    { name: "augmentation", type: "int32", shape: [...dims, 3] },
    ...names.map((key) => ({ name: key, ...tables[key]! })),
  ]);
  const [index, augmentation, ...args] = nodes.args as [Output, Output, ...Output[]];
  const table = (key: string) => args[names.indexOf(key)]!;
  const lookUp = (key: string) => row(nodes, table(key), index);
  const sizes = { side: resizeTo, crop: crop ?? resizeTo };
  const whole = nodes.constant("int32", [...dims, 3], new Array(3 * (rows ?? 1)).fill(0));
  const window = crop === undefined ? whole : augmentation;

  const file = (images: FileSource): Output => {
    const found = fileColumns(images).map(lookUp);
    if (!target.native.host) return decodeFile(nodes, fileInputs(found));
    defineTurn(builder, `${name}_turned`, upright);
    if (!names.includes("cache")) return decodeFile(nodes, fileInputs(found), `${name}_turned`);
    const inputs = [table("cache"), index, ...found];
    defineCached(builder, name, inputs, method === "pillow" ? resizeTo : neverSmaller);
    const has = isCached(nodes, table("cache"), index);
    const result = { type: "uint8", shape: [-1, -1, 3] } as const;
    return branch(nodes, has, inputs, `${name}_cached`, `${name}_decoded`, result);
  };
  const image = (): Output => {
    const { images } = split;
    const bytes = givesBytes(options);
    if (bytes && rows !== undefined)
      return gatherResizeCrop(nodes, table("pixels"), index, window, sizes);
    const whole = images.kind === "pixels" ? lookUp("pixels") : file(images);
    if (bytes) return resizeCrop(nodes, whole, window, sizes);
    const resized = () => {
      if (method === "tf") return interpolated(nodes, whole, resizeTo);
      defineResize(builder, `${name}_resize`, resizeTo);
      return resize(nodes, `${name}_resize`, whole, resizeTo);
    };
    const square = resized();
    return normalize(
      nodes,
      crop === undefined ? square : cropAndFlip(nodes, square, augmentation, crop),
    );
  };
  builder.define(nodes.return(image(), lookUp("labels")));
}

/** The two ways to an image: from the cache, and decoded and kept there. */
function defineCached(
  builder: GraphBuilder,
  name: string,
  inputs: readonly Output[],
  side: number,
): void {
  const args = inputs.map(({ type, shape }, i) => ({ name: `input_${i}`, type, shape }));
  const cached = new FunctionBuilder(`${name}_cached`, args);
  builder.define(cached.return(cachedImage(cached, cached.args[0]!, cached.args[1]!)));
  const decoded = new FunctionBuilder(`${name}_decoded`, args);
  const [cache, index, ...found] = decoded.args;
  const image = decodeFile(decoded, fileInputs(found), `${name}_turned`);
  builder.define(decoded.return(keep(decoded, cache!, index!, image, side)));
}
