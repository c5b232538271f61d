/**
 * The operations of native/kernels/ for images: parts of files, JPEG without damage, Pillow's resize of just the crop's
 * window, bytes to the network's values, and a cache of decoded images. An engine may come without them.
 */
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { NodeList, Output } from "../graph/node-list.js";

/** Sides of the square to which an image is resized, and of the square that is cut out of it. */
export interface CropSizes {
  readonly side: number;
  readonly crop: number;
}

function cropAttrs({ side, crop }: CropSizes) {
  return { side: attribute.int(side), crop: attribute.int(crop) };
}

/**
 * Resizes uint8 `[H,W,3]` to `[side,side,3]` and crops that to `[crop,crop,3]`: the bytes that Pillow's
 * BILINEAR gives.
 * @param window int32 `[3]`, top, left and flip
 */
export function resizeCrop(
  nodes: NodeList,
  image: Output,
  window: Output,
  sizes: CropSizes,
): Output {
  const shape = [sizes.crop, sizes.crop, 3];
  return nodes.one("BitResizeCrop", [image, window], cropAttrs(sizes), { type: "uint8", shape });
}

/**
 * As `resizeCrop` for a batch of rows of a table of images.
 * @param images uint8 `[n,H,W,3]`
 * @param rows int32 `[batch]`
 * @param windows int32 `[batch,3]`
 */
export function gatherResizeCrop(
  nodes: NodeList,
  images: Output,
  rows: Output,
  windows: Output,
  sizes: CropSizes,
): Output {
  const shape = [rows.shape?.[0] ?? -1, sizes.crop, sizes.crop, 3];
  const inputs = [images, rows, windows];
  return nodes.one("BitGatherResizeCrop", inputs, cropAttrs(sizes), { type: "uint8", shape });
}

/** The bytes of a part of a file, a string scalar. `offset` and `length` are int64 scalars. */
export function readRange(nodes: NodeList, path: Output, offset: Output, length: Output): Output {
  return nodes.one("BitReadRange", [path, offset, length], {}, { type: "string", shape: [] });
}

/** Whether the bytes of a file, a string scalar, are a JPEG's: a bool scalar. */
export function isJpeg(nodes: NodeList, bytes: Output): Output {
  return nodes.one("BitIsJpeg", [bytes], {}, { type: "bool", shape: [] });
}

/**
 * The image of a JPEG's bytes, a string scalar: uint8 `[H,W,3]`, Pillow's pixels. Fails where data are
 * missing or damaged, also where TensorFlow's DecodeJpeg gives what could be read, and grey for the rest.
 */
export function decodeJpeg(nodes: NodeList, bytes: Output): Output {
  const result = { type: "uint8", shape: [-1, -1, 3] } as const;
  return nodes.one("BitDecodeJpeg", [bytes], {}, result);
}

/** Turns uint8 `[H,W,3]` upright. `orientation` is an int32 scalar, EXIF's 1 to 8. */
export function upright(nodes: NodeList, image: Output, orientation: Output): Output {
  const result = { type: "uint8", shape: [-1, -1, 3] } as const;
  return nodes.one("BitUpright", [image, orientation], {}, result);
}

/** Bytes of any shape as float32 in [-1, 1]: (x - 127.5) / 127.5. */
export function normalizeBytes(nodes: NodeList, bytes: Output): Output {
  const result = { type: "float32", shape: bytes.shape } as const;
  return nodes.one("BitNormalizeLevels", [bytes], {}, result, { device: "cpu" });
}

/** Adds a cache that lives as long as the session, int64 scalar. It keeps at most `capacityBytes`. */
export function addImageCache(builder: GraphBuilder, capacityBytes: number): Output {
  const attrs = { capacity_bytes: attribute.int(capacityBytes) };
  const result = { type: "int64", shape: [] } as const;
  return builder.one("BitImageCache", [], attrs, result, { device: "cpu" });
}

/** Whether `cache` has an image under `index`, an int32 scalar: a bool scalar. */
export function isCached(nodes: NodeList, cache: Output, index: Output): Output {
  return nodes.one("BitImageCacheHas", [cache, index], {}, { type: "bool", shape: [] });
}

/** The image under `index`, uint8 `[H,W,3]`: what `keep` gave on for it. */
export function cachedImage(nodes: NodeList, cache: Output, index: Output): Output {
  const result = { type: "uint8", shape: [-1, -1, 3] } as const;
  return nodes.one("BitImageCacheGet", [cache, index], {}, result);
}

/**
 * Keeps an image while the cache has room, resized to `[side,side,3]` where that is smaller. What it
 * gives on, the image or what it was resized to, comes to the same in `resizeCrop` to `side`.
 */
export function keep(
  nodes: NodeList,
  cache: Output,
  index: Output,
  image: Output,
  side: number,
): Output {
  const attrs = { side: attribute.int(side) };
  const result = { type: "uint8", shape: [-1, -1, 3] } as const;
  return nodes.one("BitImageCacheKeep", [cache, index, image], attrs, result);
}
