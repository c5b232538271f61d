/**
 * A GIF's header, and how much a GIF unpacks to. The engine shows an animation's first frame, but decodes them all before,
 * and a frame may be larger than the image that the header speaks of.
 *
 * Source: CompuServe, "Graphics Interchange Format, Version 89a" (1990).
 */
import { part, type Reading } from "./byte-reading.js";
import type { ImageFormat } from "./image-format.js";

const HEADER_BYTES = 13;
const IMAGE = 0x2c;
const EXTENSION = 0x21;
/** Of an image's descriptor, with the byte that announces it. */
const DESCRIPTOR_BYTES = 10;

/** @throws DamagedHeader where it is none */
export function* readGifHeader(): Reading<ImageFormat> {
  const view = yield* part(0, HEADER_BYTES);
  const [width, height] = [view.getUint16(6, true), view.getUint16(8, true)];
  return { kind: "readable", decoder: "any-image", format: "gif", height, width, orientation: 1 };
}

/** A GIF's frames, as far as the bytes can be followed. */
export interface GifFrames {
  /** Of all together. */
  readonly pixels: number;
  /** Whether the first one is as large as the image that the header speaks of. */
  readonly filled: boolean;
}

/** Looks at every frame of a whole file. */
export function gifFrames(bytes: Uint8Array): GifFrames {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES) return { pixels: 0, filled: true };
  const screen = [0, 0, view.getUint16(6, true), view.getUint16(8, true)];
  let pixels = 0;
  let filled = true;
  let first = true;
  let at = HEADER_BYTES + paletteBytes(bytes[10]!);
  while (at < bytes.length) {
    if (bytes[at] === EXTENSION) at = afterBlocks(bytes, at + 2);
    else if (bytes[at] === IMAGE && at + DESCRIPTOR_BYTES <= bytes.length) {
      if (first) filled = screen.every((n, i) => view.getUint16(at + 1 + 2 * i, true) === n);
      first = false;
      pixels += view.getUint16(at + 5, true) * view.getUint16(at + 7, true);
      const palette = paletteBytes(bytes[at + 9]!);
      at = afterBlocks(bytes, at + DESCRIPTOR_BYTES + palette + 1);
    } else break;
  }
  return { pixels, filled };
}

/** A table of colours, where the flags say that there is one. */
function paletteBytes(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0;
}

/** What comes after blocks of data, each with its length before it and the last one empty. */
function afterBlocks(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== 0) at += 1 + bytes[at]!;
  return at + 1;
}
