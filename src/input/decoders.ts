/**
 * The functions that decode a file's bytes, one for each way to decode; a file's header says which way
 * is its own. All give uint8 `[H,W,3]`.
 */
import type { Decoder } from "../data/dataset.js";
import { attribute } from "../graph/attributes.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { NodeList, Output } from "../graph/node-list.js";
import { slice } from "../graph/ops.js";
import type { Target } from "../graph/target.js";
import { paletteBmp, substring, wholeBmp } from "./bmp-functions.js";
import { branch, decoderName, defineTurns } from "./image-functions.js";
import { decodeJpeg, isJpeg } from "./native-images.js";

/** What makes an image of a file's bytes, a string scalar. */
const WAYS: Readonly<Record<Decoder, (nodes: NodeList, bytes: Output) => Output>> = {
  "jpeg-or-png": decodeJpegOrPng,
  "any-image": (nodes, bytes) => decodeImage(nodes, bytes, 3),
  "image-with-alpha": (nodes, bytes) => withoutAlpha(nodes, decodeImage(nodes, bytes, 4)),
  "animated-webp": (nodes, bytes) =>
    withoutAlpha(nodes, decodeImage(nodes, declaredWithAlpha(nodes, bytes), 4)),
  bmp: (nodes, bytes) => decodeImage(nodes, wholeBmp(nodes, bytes), 3),
  "palette-bmp": paletteBmp,
};

/**
 * Defines the functions that decode a file's bytes and turn an image upright, once a graph.
 * Where the target lacks the host's operations, a JPEG whose data end too early passes for an image, grey
 * where nothing was read.
 */
export function defineDecoders(builder: GraphBuilder, { native }: Target): void {
  defineTurns(builder);
  const define = (name: string, decode: (nodes: NodeList, bytes: Output) => Output) => {
    const nodes = new FunctionBuilder(name, [{ name: "bytes", type: "string", shape: [] }]);
    builder.define(nodes.return(decode(nodes, nodes.args[0]!)));
  };
  const ways = native.host ? { ...WAYS, "jpeg-or-png": decodeWholeJpegOrPng } : WAYS;
  if (native.host) {
    define("decode_jpeg", decodeJpeg);
    define("decode_png", decodeJpegOrPng);
  }
  for (const decoder of Object.keys(WAYS) as Decoder[]) define(decoderName(decoder), ways[decoder]);
}

function decodeWholeJpegOrPng(nodes: NodeList, bytes: Output): Output {
  const image = { type: "uint8", shape: [-1, -1, 3] } as const;
  return branch(nodes, isJpeg(nodes, bytes), [bytes], "decode_jpeg", "decode_png", image);
}

/** The image of a JPEG's or a PNG's bytes, a string scalar: uint8 `[H,W,3]`, Pillow's pixels. */
export function decodeJpegOrPng(nodes: NodeList, bytes: Output): Output {
  const attrs = {
    channels: attribute.int(3),
    ratio: attribute.int(1),
    fancy_upscaling: attribute.bool(true),
    try_recover_truncated: attribute.bool(false),
    acceptable_fraction: attribute.float(1),
    // The slow transform gives the pixels that Pillow gives.
    dct_method: attribute.string("INTEGER_ACCURATE"),
  };
  return nodes.one("DecodeJpeg", [bytes], attrs, { type: "uint8", shape: [-1, -1, 3] });
}

// The channels are never left to TensorFlow: of an animated WebP without alpha it would then write
// four to memory that it took for three.
function decodeImage(nodes: NodeList, bytes: Output, channels: 3 | 4): Output {
  const attrs = {
    channels: attribute.int(channels),
    dtype: attribute.type("uint8"),
    expand_animations: attribute.bool(false),
  };
  return nodes.one("DecodeImage", [bytes], attrs, { type: "uint8", shape: [-1, -1, channels] });
}

/** An image's first three channels: alpha is dropped, not blended, as by Pillow's `convert("RGB")`. */
function withoutAlpha(nodes: NodeList, image: Output): Output {
  const bounds = { begin: nodes.ints([0, 0, 0]), size: nodes.ints([-1, -1, 3]) };
  return slice(nodes, image, bounds, [-1, -1, 3]);
}

/**
 * An animated WebP whose header says that it has alpha, which TensorFlow asks for: frames are put
 * together with alpha in any case. Source: WebP container specification (RFC 9649), 2.7.1.
 */
function declaredWithAlpha(nodes: NodeList, bytes: Output): Output {
  const flagsAt = 20;
  // Alpha and animation.
  const flags = nodes.constant("string", [], ["\x12"]);
  const parts = [
    substring(nodes, bytes, nodes.ints(0), nodes.ints(flagsAt)),
    flags,
    substring(nodes, bytes, nodes.ints(flagsAt + 1), nodes.ints(2 ** 31 - 1)),
  ];
  const attrs = { N: attribute.int(parts.length), separator: attribute.string("") };
  return nodes.one("StringJoin", parts, attrs, { type: "string", shape: [] });
}
