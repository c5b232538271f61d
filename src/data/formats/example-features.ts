/**
 * The features of a tf.train.Example, by name, each decoded only when it is asked for.
 * Source: tensorflow/core/example/{example,feature}.proto.
 */

import protobuf from "protobufjs/minimal.js";

/** What a feature holds: one of three kinds of lists, or no list at all. */
export type FeatureValues =
  | { readonly kind: "bytes"; readonly values: readonly Uint8Array[] }
  | { readonly kind: "numbers"; readonly values: readonly number[] }
  | { readonly kind: "none"; readonly values: readonly never[] };

/** Fields of the messages, by number. */
const EXAMPLE_FEATURES = 1;
const FEATURES_ENTRY = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const FEATURE_BYTES = 1;
const FEATURE_FLOATS = 2;
const FEATURE_INTEGERS = 3;
const LIST_VALUE = 1;

/** An example of one image has a dozen features or so. */
const MAX_FIELDS = 10_000;
/** ImageNet-21k's labels as one vector have 21,843 numbers. */
const MAX_NUMBERS = 100_000;

/** The wire type of bytes, text, messages and packed numbers. */
const DELIMITED = 2;

/**
 * Each feature's message, by name: views of the example's bytes.
 * @throws Error where the bytes are no Example
 */
export function featuresOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const features = new Map<string, Uint8Array>();
  for (const list of messages(bytes, EXAMPLE_FEATURES)) {
    for (const entry of messages(list, FEATURES_ENTRY)) {
      const [key] = messages(entry, ENTRY_KEY);
      const [value] = messages(entry, ENTRY_VALUE);
      if (key !== undefined && value !== undefined) features.set(decoder.decode(key), value);
    }
  }
  return features;
}

/**
 * All values of a feature.
 * @param feature as `featuresOf` gives it
 * @throws Error where it is no feature, or holds more numbers than any label does
 */
export function valuesOf(feature: Uint8Array): FeatureValues {
  const bytes = messages(feature, FEATURE_BYTES);
  if (bytes.length > 0)
    return { kind: "bytes", values: bytes.flatMap((list) => messages(list, LIST_VALUE)) };
  const floats = messages(feature, FEATURE_FLOATS);
  const integers = messages(feature, FEATURE_INTEGERS);
  if (floats.length + integers.length === 0) return { kind: "none", values: [] };
  const values = [
    ...floats.flatMap((list) => numbers(list, (reader) => reader.float())),
    ...integers.flatMap((list) => numbers(list, (reader) => Number(reader.int64().toString()))),
  ];
  return { kind: "numbers", values };
}

/** Numbers are packed into one field, or each is its own. */
function numbers(list: Uint8Array, next: (reader: protobuf.Reader) => number): number[] {
  const found: number[] = [];
  const reader = protobuf.Reader.create(list);
  const take = () => {
    found.push(next(reader));
    if (found.length > MAX_NUMBERS) throw new Error(`more than ${MAX_NUMBERS} numbers`);
  };
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 !== LIST_VALUE) reader.skipType(tag & 7);
    else if ((tag & 7) !== DELIMITED) take();
    else for (const end = reader.uint32() + reader.pos; reader.pos < end; ) take();
  }
  return found;
}

/** What a message holds in a field of bytes, text or messages: views of it. */
function messages(bytes: Uint8Array, field: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === ((field << 3) | DELIMITED)) found.push(reader.bytes());
    else reader.skipType(tag & 7);
    if (found.length > MAX_FIELDS) throw new Error(`more than ${MAX_FIELDS} features or values`);
  }
  return found;
}

const decoder = new TextDecoder();
