/** Writes a function of a graph's library: the body of a dataset's map, a branch of an `If`. */
import { NodeList, type Output, type OutputSpec } from "./node-list.js";
import type { FunctionDef } from "./proto.js";
import { typeNumber } from "./types.js";

/**
 * Inside a function an input is named `node:output_name:index`, so the builder must know what an
 * operation calls its outputs. Source: tensorflow/core/ops/ops.pbtxt.
 */
const outputName: Readonly<Record<string, string>> = {
  Abs: "y",
  AddV2: "z",
  BitwiseAnd: "z",
  Cast: "y",
  ConcatV2: "output",
  Const: "output",
  DecodeImage: "image",
  DecodeJpeg: "image",
  DecodeRaw: "output",
  Equal: "z",
  Floor: "y",
  FloorDiv: "z",
  GatherV2: "output",
  Greater: "z",
  If: "output",
  Less: "z",
  LogicalAnd: "z",
  LogicalNot: "y",
  LogicalOr: "z",
  MatMul: "product",
  Max: "output",
  Maximum: "z",
  Minimum: "z",
  Mul: "z",
  Pack: "output",
  Range: "output",
  ReadFile: "contents",
  RealDiv: "z",
  Reshape: "output",
  ResizeBilinear: "resized_images",
  Reverse: "output",
  RightShift: "z",
  ScaleAndTranslate: "resized_images",
  SelectV2: "output",
  Shape: "output",
  Slice: "output",
  Squeeze: "output",
  StatelessCase: "output",
  StatelessIf: "output",
  StatelessWhile: "output",
  StridedSlice: "output",
  StringJoin: "output",
  Sub: "z",
  Substr: "output",
  Sum: "output",
  TensorListSetItem: "output_handle",
  Transpose: "y",
};

const argumentOp = "an argument";

export class FunctionBuilder extends NodeList {
  /** What the function is called with, in order. */
  readonly args: readonly Output[];
  private results: readonly Output[] = [];

  constructor(
    readonly name: string,
    args: readonly (OutputSpec & { readonly name: string })[],
  ) {
    super();
    this.args = args.map(({ name: node, type, shape }) => {
      return { node, index: 0, op: argumentOp, type, shape };
    });
  }

  protected override reference(output: Output): string {
    if (output.op === argumentOp) return output.node;
    // Our own operations (native/kernels/) that functions hold have one output, and call it so.
    const own = output.op.startsWith("Bit") ? "output" : undefined;
    const name = outputName[output.op] ?? own;
    if (name === undefined) throw new Error(`the output of ${output.op} has no name in the table`);
    return `${output.node}:${name}:${output.index}`;
  }

  /** Says what the function returns. */
  return(...results: readonly Output[]): this {
    this.results = results;
    return this;
  }

  build(): FunctionDef {
    const ret: Record<string, string> = {};
    this.results.forEach((output, i) => {
      ret[`result_${i}`] = this.reference(output);
    });
    return {
      signature: {
        name: this.name,
        inputArg: this.args.map((arg) => ({ name: arg.node, type: typeNumber[arg.type] })),
        outputArg: this.results.map((output, i) => {
          return { name: `result_${i}`, type: typeNumber[output.type] };
        }),
      },
      nodeDef: this.nodes,
      ret,
    };
  }
}
