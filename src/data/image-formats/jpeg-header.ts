/**
 * A JPEG's header. Of the processes that the standard has, the engine decodes those of 8 bits that lose
 * detail: Huffman or arithmetic coding, baseline or progressive.
 * Source: ITU T.81, B.1.1 (markers, fill bytes), B.2.2 (frame header), table B.1; EXIF 2.3, 4.5.4.
 */
import { bytesOf, DamagedHeader, part, type Reading, upTo } from "./byte-reading.js";
import { type ImageFormat, unsupported } from "./image-format.js";
import { orientationOf } from "./orientation.js";

const START_OF_SCAN = 0xda;
const END_OF_IMAGE = 0xd9;
const APP1 = 0xe1;
const EXIF = "Exif\0\0";
const XMP = "http://ns.adobe.com/xap/1.0/\0";
/** What is looked at to find a marker among stray bytes. */
const SEARCH_BYTES = 4096;
/** Stray bytes that are passed over before a file counts as damaged. */
const MOST_SEARCHES = 64;
/** To follow so many takes a second or two. */
const MOST_SEGMENTS = 50_000;

interface Frame {
  readonly marker: number;
  readonly precision: number;
  readonly height: number;
  readonly width: number;
  readonly components: number;
}

interface Found {
  frame?: Frame;
  exif?: Uint8Array;
  xmp?: Uint8Array;
}

/** @throws DamagedHeader where it is none */
export function* readJpegHeader(): Reading<ImageFormat> {
  const found: Found = {};
  try {
    yield* walk(found);
  } catch (error) {
    // What is torn behind the frame header, the decoder finds, as it does what is torn in the pixels.
    if (found.frame === undefined || !(error instanceof DamagedHeader)) throw error;
  }
  if (found.frame === undefined) throw new DamagedHeader("a JPEG without a frame header");
  const kind = nameOfUnsupported(found.frame);
  if (kind !== undefined) return unsupported(kind);
  const { height, width } = found.frame;
  const orientation = orientationOf(found);
  return { kind: "readable", decoder: "jpeg-or-png", format: "jpg", height, width, orientation };
}

/** Puts into `found` what all segments before the pixels tell. */
function* walk(found: Found): Reading<void> {
  let at = 2;
  for (let segments = 0; ; segments++) {
    if (segments === MOST_SEGMENTS)
      throw new DamagedHeader(`more than ${MOST_SEGMENTS} segments before its pixels`);
    const { marker, end } = yield* nextMarker(at);
    at = end;
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE) return;
    // Markers without a segment: TEM, RSTn and SOI.
    if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    const length = (yield* part(at, 2)).getUint16(0);
    if (length < 2) throw new DamagedHeader(`a segment of ${length} bytes`);
    if (isFrame(marker)) found.frame ??= yield* readFrame(marker, at);
    if (marker === APP1) {
      const segment = bytesOf(yield* part(at + 2, length - 2));
      if (beginsWith(segment, EXIF)) found.exif ??= segment;
      else if (beginsWith(segment, XMP)) found.xmp = segment.subarray(XMP.length);
    }
    at += length;
  }
}

/** The next marker at or after a place; bytes before it are none of the image's, FF fills up. */
function* nextMarker(start: number): Reading<{ marker: number; end: number }> {
  for (let at = start, searches = 0; searches < MOST_SEARCHES; searches++) {
    const bytes = yield* upTo(at, searches === 0 ? 2 : SEARCH_BYTES);
    if (bytes.length < 2) break;
    for (let i = 0; i + 1 < bytes.length; i++) {
      const marker = bytes[i + 1]!;
      if (bytes[i] === 0xff && marker !== 0xff && marker !== 0x00)
        return { marker, end: at + i + 2 };
    }
    at += bytes.length - 1;
  }
  throw new DamagedHeader("it ends within its header");
}

/** SOF0 to SOF15, of whose numbers DHT, JPG and DAC take three. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function* readFrame(marker: number, at: number): Reading<Frame> {
  const view = yield* part(at, 8);
  return {
    marker,
    precision: view.getUint8(2),
    height: view.getUint16(3),
    width: view.getUint16(5),
    components: view.getUint8(7),
  };
}

function nameOfUnsupported({ marker, precision, components }: Frame): string | undefined {
  const process = marker & 3;
  if (process === 3) return "lossless JPEG";
  if (marker >= 0xc5 && marker !== 0xc9 && marker !== 0xca) return "hierarchical JPEG";
  if (precision !== 8) return `${precision}-bit JPEG`;
  if (![1, 3, 4].includes(components)) return `JPEG of ${components} components`;
  return undefined;
}

function beginsWith(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.subarray(0, text.length)).toString("latin1") === text;
}
