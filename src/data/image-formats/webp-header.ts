/**
 * A WebP's header: size, whether the engine must decode it with alpha, and the orientation.
 * Source: WebP container specification (RFC 9649), 2.5 to 2.7; VP8 (RFC 6386), 9.1; VP8L, 3.
 */
import { bytesOf, DamagedHeader, nameAt, part, type Reading, upTo } from "./byte-reading.js";
import type { ImageFormat } from "./image-format.js";
import { orientationOf } from "./orientation.js";

const FIRST_CHUNK = 12;
const CHUNK_HEADER = 8;
const ALPHA = 0x10;
const EXIF = 0x08;
const XMP = 0x04;
const ANIMATION = 0x02;
/** To follow so many takes a second or two. */
const MOST_CHUNKS = 50_000;

interface Chunk {
  readonly name: string;
  /** Where its data begins, and their bytes. */
  readonly at: number;
  readonly length: number;
}

/** @throws DamagedHeader where it is none */
export function* readWebpHeader(): Reading<ImageFormat> {
  if (nameAt(yield* part(8, 4), 0) !== "WEBP") throw new DamagedHeader("no known image format");
  const first = yield* chunkAt(FIRST_CHUNK);
  if (first === undefined) throw new DamagedHeader("it ends within its header");
  if (first.name === "VP8X") return yield* readExtended(first);
  const { height, width, alpha } = yield* readBitstream(first);
  const decoder = alpha ? "image-with-alpha" : "any-image";
  return {
    ...{ kind: "readable", decoder, format: "webp", height, width, orientation: 1 },
    ...(alpha && { alpha }),
  };
}

function* readExtended({ at, length }: Chunk): Reading<ImageFormat> {
  const view = yield* part(at, 10);
  const flags = view.getUint8(0);
  const size = {
    width: 1 + view.getUint16(4, true) + (view.getUint8(6) << 16),
    height: 1 + view.getUint16(7, true) + (view.getUint8(9) << 16),
  };
  let alpha = (flags & ALPHA) !== 0;
  let seen = false;
  let exif: Uint8Array | undefined;
  let xmp: Uint8Array | undefined;
  const animated = (flags & ANIMATION) !== 0;
  let next = after(at, length);
  for (let chunks = 0; ; chunks++) {
    if (chunks === MOST_CHUNKS) throw new DamagedHeader(`more than ${MOST_CHUNKS} chunks`);
    const chunk = yield* chunkAt(next);
    if (chunk === undefined) break;
    if (!seen && chunk.name === "ALPH") alpha = true;
    // A lossless image knows by itself whether it has alpha, and is believed.
    if (!seen && chunk.name === "VP8L" && !animated) alpha = (yield* readBitstream(chunk)).alpha;
    if (chunk.name === "VP8L" || chunk.name === "VP8 ") seen = true;
    if (chunk.name === "EXIF" && flags & EXIF)
      exif ??= bytesOf(yield* part(chunk.at, chunk.length));
    if (chunk.name === "XMP " && flags & XMP) xmp ??= bytesOf(yield* part(chunk.at, chunk.length));
    next = after(chunk.at, chunk.length);
  }
  const still = alpha ? "image-with-alpha" : "any-image";
  return {
    kind: "readable",
    decoder: animated ? "animated-webp" : still,
    format: "webp",
    ...size,
    orientation: orientationOf({ exif, xmp }),
    ...(alpha && { alpha }),
  };
}

function* readBitstream({ name, at }: Chunk) {
  const view = yield* part(at, 10);
  if (name === "VP8 ") {
    if (view.getUint8(3) !== 0x9d || view.getUint8(4) !== 0x01 || view.getUint8(5) !== 0x2a)
      throw new DamagedHeader("a WebP that does not begin with a key frame");
    const size = (where: number) => view.getUint16(where, true) & 0x3fff;
    return { width: size(6), height: size(8), alpha: false };
  }
  if (name !== "VP8L" || view.getUint8(0) !== 0x2f)
    throw new DamagedHeader(`a WebP that begins with ${JSON.stringify(name)}`);
  const bits = view.getUint32(1, true);
  return {
    width: 1 + (bits & 0x3fff),
    height: 1 + ((bits >>> 14) & 0x3fff),
    alpha: (bits & 0x1000_0000) !== 0,
  };
}

function* chunkAt(at: number): Reading<Chunk | undefined> {
  const head = yield* upTo(at, CHUNK_HEADER);
  if (head.length < CHUNK_HEADER) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  return { name: nameAt(view, 0), at: at + CHUNK_HEADER, length: view.getUint32(4, true) };
}

/** Chunks begin at even places. */
function after(at: number, length: number): number {
  return at + length + (length & 1);
}
