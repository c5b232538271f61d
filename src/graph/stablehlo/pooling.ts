/** Maximum pooling of `[N,H,W,C]` without padding, and its gradient. */
import type { GraphNode } from "../node-list.js";
import type { ElementType } from "../types.js";
import type { Emitter } from "./emitter.js";
import { attr, input, type Operator, shapeOf } from "./operator.js";
import { i64Array, tensorType, type Value } from "./values.js";

interface Windows {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
}

function windowsOf(node: GraphNode): Windows {
  if (new TextDecoder().decode(attr(node, "padding", "s")) !== "VALID")
    throw new Error(`${node.name}: pad first, then pool`);
  const [, height, width] = attr(node, "ksize", "list").i!;
  const [, down, across] = attr(node, "strides", "list").i!;
  return { size: [height!, width!], stride: [down!, across!] };
}

const maxPool: Operator = ({ emitter, value }, node) => {
  const x = value(input(node, 0));
  const { size, stride } = windowsOf(node);
  const spec = { shape: shapeOf(node), type: x.type };
  const init = emitter.constant(Number.NEGATIVE_INFINITY, x.type);
  const scalar = tensorType({ shape: [], type: x.type });
  const id = emitter.fresh();
  const sizes = `window_dimensions = ${i64Array([1, ...size, 1])}, window_strides = ${i64Array([1, ...stride, 1])}`;
  emitter.raw(
    `${id} = "stablehlo.reduce_window"(${x.id}, ${init.id}) <{${sizes}, padding = dense<0> : tensor<4x2xi64>}> ({`,
  );
  emitter.raw(`^bb0(%a: ${scalar}, %b: ${scalar}):`);
  emitter.raw(`  %m = stablehlo.maximum %a, %b : ${scalar}`);
  emitter.raw(`  stablehlo.return %m : ${scalar}`);
  emitter.raw(`}) : (${tensorType(x)}, ${scalar}) -> ${tensorType(spec)}`);
  return { id, ...spec };
};

/**
 * The gradient goes to each window's maximum, of equal ones to the first. A scatter would write every
 * value with an atomic addition; instead each window's place of its maximum is found once, a byte, and
 * the input's rows and columns are divided by their remainder by the stride: all of one remainder are
 * in the same places of their windows, so a sum over few shifted windows gives them, and the parts are
 * woven together again.
 */
const maxPoolGrad: Operator = ({ emitter, value }, node) => {
  const x = value(input(node, 0));
  const y = value(input(node, 1));
  const dy = value(input(node, 2));
  const windows = windowsOf(node);
  const taken = emitter.barrier([maximumPlaces(emitter, x, y, windows)])[0]!;
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const [down, across] = windows.stride;
  const rows = Math.ceil(height / down);
  const columns = Math.ceil(width / across);
  const lines: Value[] = [];
  for (let r = 0; r < down; r++) {
    const parts: Value[] = [];
    for (let c = 0; c < across; c++) {
      const part = remainderSum(emitter, { taken, dy }, windows, [r, c], [rows, columns]);
      parts.push(emitter.reshape(part, [n, rows, 1, columns, 1, channels]));
    }
    lines.push(emitter.concatenate(parts, 4));
  }
  const woven = emitter.concatenate(lines, 2); // [n, rows, down, columns, across, channels]
  const whole = emitter.reshape(woven, [n, rows * down, columns * across, channels]);
  return emitter.slice(whole, [0, 0, 0, 0], [n, height, width, channels]);
};

/** For each window the number of the first place that holds its maximum, counted row by row: uint8. */
function maximumPlaces(emitter: Emitter, x: Value, y: Value, { size, stride }: Windows): Value {
  const [n, , , channels] = x.shape as [number, number, number, number];
  const [, rows, columns] = y.shape as [number, number, number, number];
  const type: ElementType = "uint8";
  let places = emitter.broadcastTo(emitter.constant(size[0] * size[1], type), y.shape);
  // From the last to the first, so that the first one stays.
  for (let place = size[0] * size[1] - 1; place >= 0; place--) {
    const [i, j] = [Math.floor(place / size[1]), place % size[1]];
    const tap = emitter.slice(
      x,
      [0, i, j, 0],
      [n, i + (rows - 1) * stride[0] + 1, j + (columns - 1) * stride[1] + 1, channels],
      [1, stride[0], stride[1], 1],
    );
    places = emitter.select(emitter.compare("EQ", tap, y), emitter.constant(place, type), places);
  }
  return places;
}

/** The gradient of the rows and columns with one remainder by the stride. */
function remainderSum(
  emitter: Emitter,
  { taken, dy }: { readonly taken: Value; readonly dy: Value },
  { size, stride }: Windows,
  remainder: readonly [number, number],
  [rows, columns]: readonly [number, number],
): Value {
  const zero = emitter.constant(0, dy.type);
  let sum: Value | undefined;
  for (let i = remainder[0]; i < size[0]; i += stride[0]) {
    for (let j = remainder[1]; j < size[1]; j += stride[1]) {
      const hit = emitter.compare("EQ", taken, emitter.constant(i * size[1] + j, taken.type));
      const part = emitter.select(hit, dy, zero);
      // Window k covers row k * stride + i, which is row k + shift of this remainder.
      const shift = [(i - remainder[0]) / stride[0], (j - remainder[1]) / stride[1]] as const;
      const low = [0, shift[0], shift[1], 0];
      const high = [0, rows - dy.shape[1]! - shift[0], columns - dy.shape[2]! - shift[1], 0];
      const moved = emitter.pad(part, zero, low, high);
      sum = sum === undefined ? moved : emitter.binary("add", sum, moved);
    }
  }
  const [n, , , channels] = dy.shape as [number, number, number, number];
  return sum ?? emitter.broadcastTo(zero, [n, rows, columns, channels]);
}

export const pooling: Readonly<Record<string, Operator>> = {
  MaxPool: maxPool,
  MaxPoolGrad: maxPoolGrad,
};
