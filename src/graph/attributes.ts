/** Attributes of TensorFlow nodes, by the kind of value they hold. */
import type { AttrValue, TensorProto, TensorShapeProto } from "./proto.js";
import { type ElementType, typeNumber } from "./types.js";

const text = new TextEncoder();

/** A shape; `-1` is a dimension, `undefined` a rank, that is known only at run time. */
export function shapeProto(shape: readonly number[] | undefined): TensorShapeProto {
  return shape === undefined ? { unknownRank: true } : { dim: shape.map((size) => ({ size })) };
}

export const attribute = {
  type: (type: ElementType): AttrValue => ({ type: typeNumber[type] }),
  types: (types: readonly ElementType[]): AttrValue => ({
    list: { type: types.map((type) => typeNumber[type]) },
  }),
  int: (i: number): AttrValue => ({ i }),
  ints: (i: readonly number[]): AttrValue => ({ list: { i: [...i] } }),
  float: (f: number): AttrValue => ({ f }),
  bool: (b: boolean): AttrValue => ({ b }),
  string: (s: string): AttrValue => ({ s: text.encode(s) }),
  bytes: (s: Uint8Array): AttrValue => ({ s }),
  strings: (s: readonly string[]): AttrValue => ({ list: { s: s.map((one) => text.encode(one)) } }),
  shape: (shape: readonly number[] | undefined): AttrValue => ({ shape: shapeProto(shape) }),
  shapes: (shapes: readonly (readonly number[] | undefined)[]): AttrValue => ({
    list: { shape: shapes.map(shapeProto) },
  }),
  function: (name: string): AttrValue => ({ func: { name, attr: {} } }),
  functions: (names: readonly string[]): AttrValue => ({
    list: { func: names.map((name) => ({ name, attr: {} })) },
  }),
  tensor: (tensor: TensorProto): AttrValue => ({ tensor }),
};
