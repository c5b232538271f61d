/**
 * A PNG's header: size, whether parts may be transparent, and the orientation, which may lie in three kinds
 * of chunk, also behind the pixels. Source: PNG specification, third edition, 11.2.1 (IHDR), 11.3.1.1 (tRNS),
 * 11.3.3 (texts), 11.3.4.5 (eXIf); the hexadecimal "Raw profile type exif" is how ImageMagick and
 * GraphicsMagick keep EXIF data.
 */
import { inflateSync } from "node:zlib";
import {
  DamagedHeader,
  MOST_PART_BYTES,
  nameAt,
  part,
  type Reading,
  upTo,
} from "./byte-reading.js";
import { type ImageFormat, unsupported } from "./image-format.js";
import { orientationOf } from "./orientation.js";

export const PNG_SIGNATURE = "\x89PNG\r\n\x1a\n";
/** To follow so many takes a second or two. */
const MOST_CHUNKS = 50_000;
/** A chunk's length, name and checksum. */
const CHUNK_BYTES = 12;
const RAW_EXIF = "Raw profile type exif";
const XMP = "XML:com.adobe.xmp";
const LATIN1_TEXTS = ["tEXt", "zTXt", "iTXt"];

/** @throws DamagedHeader where it is none */
export function* readPngHeader(): Reading<ImageFormat> {
  const header = yield* part(PNG_SIGNATURE.length, 25);
  const first = nameAt(header, 4);
  // What Apple's tools make of the pictures of an app; libpng does not know it.
  if (first === "CgBI") return unsupported("PNG of an iOS app (CgBI)");
  if (first !== "IHDR") throw new DamagedHeader(`a PNG that begins with ${JSON.stringify(first)}`);
  const { transparent, ...metadata } = yield* readMetadata();
  // Bit 2 of the colour type is an alpha channel.
  const alpha = transparent || (header.getUint8(17) & 4) !== 0;
  return {
    kind: "readable",
    decoder: "jpeg-or-png",
    format: "png",
    height: header.getUint32(12),
    width: header.getUint32(8),
    orientation: orientationOf(metadata),
    ...(alpha && { alpha }),
  };
}

interface Metadata {
  readonly exif?: Uint8Array | undefined;
  readonly xmp?: Uint8Array | undefined;
  /** A colour, or some of the palette, is transparent. */
  readonly transparent: boolean;
}

/** Walks all chunks; what cannot be followed ends it, as decoders do without what lies behind. */
function* readMetadata(): Reading<Metadata> {
  let transparent = false;
  let exif: Uint8Array | undefined;
  let raw: Uint8Array | undefined;
  let xmp: Uint8Array | undefined;
  let at = PNG_SIGNATURE.length;
  for (let chunks = 0; ; chunks++) {
    if (chunks === MOST_CHUNKS) throw new DamagedHeader(`more than ${MOST_CHUNKS} chunks`);
    const head = yield* upTo(at, 8);
    if (head.length < 8) break;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const length = view.getUint32(0);
    const name = nameAt(view, 4);
    if (name === "IEND") break;
    if (name === "IDAT") {
      at = yield* lastAlike(at, head, length);
      continue;
    }
    if (name === "tRNS") transparent = true;
    const wanted = name === "eXIf" || LATIN1_TEXTS.includes(name);
    if (wanted && length <= MOST_PART_BYTES) {
      const data = yield* upTo(at + 8, length);
      if (name === "eXIf") exif = data;
      else {
        const text = textOf(name, data);
        if (text?.keyword === RAW_EXIF) raw = unhex(text.value);
        if (text?.keyword === XMP) xmp = text.value;
      }
    }
    at += CHUNK_BYTES + length;
  }
  return { exif: exif ?? raw, xmp, transparent };
}

/**
 * What follows the pixels' chunks, which mostly have one length and are many: they are passed over by
 * leaps to where another one must begin, the widest leap first.
 */
function* lastAlike(start: number, head: Uint8Array, length: number): Reading<number> {
  const stride = CHUNK_BYTES + length;
  let at = start;
  for (let leap = 2 ** 20; leap >= 1; leap >>= 1) {
    const there = yield* upTo(at + leap * stride, 8);
    if (Buffer.compare(there, head) === 0) at += leap * stride;
  }
  return at + stride;
}

interface Text {
  readonly keyword: string;
  readonly value: Uint8Array;
}

/** A text chunk's keyword and value, unpacked; undefined where it holds none, or is of no use here. */
function textOf(chunk: string, data: Uint8Array): Text | undefined {
  const end = data.indexOf(0);
  if (end < 0) return undefined;
  const keyword = Buffer.from(data.subarray(0, end)).toString("latin1");
  if (keyword !== RAW_EXIF && keyword !== XMP) return undefined;
  if (chunk === "tEXt") return { keyword, value: data.subarray(end + 1) };
  if (chunk === "zTXt") return { keyword, value: inflated(data.subarray(end + 2)) };
  // Language and translated keyword, each ended by a zero, stand before the text.
  const language = data.indexOf(0, end + 3);
  const translated = data.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return undefined;
  const value = data.subarray(translated + 1);
  return { keyword, value: data[end + 1] === 1 ? inflated(value) : value };
}

function inflated(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: MOST_PART_BYTES });
  } catch {
    return new Uint8Array(0);
  }
}

/** Bytes written as a line break, a name, their number, and hexadecimal digits in lines. */
function unhex(profile: Uint8Array): Uint8Array {
  const lines = Buffer.from(profile.buffer, profile.byteOffset, profile.length)
    .toString("latin1")
    .split("\n");
  return Buffer.from(lines.slice(3).join(""), "hex");
}
