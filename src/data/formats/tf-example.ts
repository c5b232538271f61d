/**
 * Reads the few features of a tf.train.Example that make an image with its label. The rest is passed
 * over undecoded. Source: tensorflow/core/example/{example,feature}.proto.
 */

import protobuf from "protobufjs/minimal.js";

/** An image as TensorFlow's datasets store it. */
export interface ImageExample {
  /** The image's file, a view of the example's bytes. */
  readonly encoded: Uint8Array;
  readonly label: number;
  /** The class in words, its WordNet id first, where the example has these. */
  readonly text: string | undefined;
}

/** The features' names: as ImageNet's and TF-Slim's scripts write them, and as TFDS does. */
const NAMES = [
  {
    image: "image/encoded",
    label: "image/class/label",
    texts: ["image/class/synset", "image/class/text"],
  },
  { image: "image", label: "label", texts: [] },
] as const;

/** Fields of the messages, by number. */
const EXAMPLE_FEATURES = 1;
const FEATURES_ENTRY = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const FEATURE_BYTES = 1;
const FEATURE_INTEGERS = 3;
const LIST_VALUE = 1;

/** An example of one image has a dozen features or so. */
const MAX_FIELDS = 10_000;

/** The wire type of bytes, text, messages and packed numbers. */
const DELIMITED = 2;

/** @throws Error that says what is lacking, or that the bytes are no Example */
export function parseImageExample(bytes: Uint8Array): ImageExample {
  const features = featuresOf(bytes);
  for (const { image, label, texts } of NAMES) {
    const encoded = features.get(image);
    const value = features.get(label);
    if (encoded === undefined || value === undefined) continue;
    const [first] = bytesOf(encoded);
    const number = firstInteger(value);
    if (first === undefined) throw new Error(`the feature ${image} holds no bytes`);
    if (number === undefined) throw new Error(`the feature ${label} holds no whole number`);
    const words = texts.flatMap((text) => {
      const [bytes] = bytesOf(features.get(text) ?? new Uint8Array(0));
      return bytes === undefined || bytes.length === 0 ? [] : [textOf(bytes)];
    });
    return { encoded: first, label: number, text: words.join(" ") || undefined };
  }
  const names = [...features.keys()].sort().map((name) => name.slice(0, 40));
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  const found = names.slice(0, 10).join(", ") + more || "no feature at all";
  const wanted = NAMES.map(({ image, label }) => `${image} and ${label}`).join(", nor ");
  throw new Error(`has neither ${wanted}, but ${found}`);
}

/** Each feature's message, by name. */
function featuresOf(bytes: Uint8Array): Map<string, Uint8Array> {
  const features = new Map<string, Uint8Array>();
  for (const list of messages(bytes, EXAMPLE_FEATURES)) {
    for (const entry of messages(list, FEATURES_ENTRY)) {
      const [key] = messages(entry, ENTRY_KEY);
      const [value] = messages(entry, ENTRY_VALUE);
      if (key !== undefined && value !== undefined) features.set(textOf(key), value);
    }
  }
  return features;
}

function bytesOf(feature: Uint8Array): Uint8Array[] {
  return messages(feature, FEATURE_BYTES).flatMap((list) => messages(list, LIST_VALUE));
}

/** The first whole number of a feature: they are packed into one field, or each is its own. */
function firstInteger(feature: Uint8Array): number | undefined {
  for (const list of messages(feature, FEATURE_INTEGERS)) {
    const reader = protobuf.Reader.create(list);
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag >>> 3 !== LIST_VALUE) {
        reader.skipType(tag & 7);
        continue;
      }
      // A length of none is an empty list.
      if ((tag & 7) === DELIMITED && reader.uint32() === 0) continue;
      return Number(reader.int64().toString());
    }
  }
  return undefined;
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

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
