/**
 * Photos without their EXIF data, so that no browser turns them: each knows other places where a file may say
 * how it is to be turned, and none can be asked to leave it.
 * Source: ITU T.81, B.1.1 (JPEG's markers); the PNG and WebP specifications.
 */
import { nameAt } from "../src/data/image-formats/byte-reading.js";

/** A part of a file. */
type Span = readonly [begin: number, end: number];

/**
 * A photo's bytes without its EXIF data.
 * @param format as in `jpg`; others than that, `png` and `webp` have none
 */
export function withoutExif(
  bytes: Uint8Array<ArrayBuffer>,
  format: string,
): Uint8Array<ArrayBuffer>[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (format === "jpg") return without(bytes, exifOfJpeg(view));
  if (format === "png") return without(bytes, exifOfPng(view));
  // In a RIFF file the sizes would have to change; an unknown name does as well.
  if (format === "webp") return renamed(bytes, exifOfWebp(view));
  return [bytes];
}

function without(
  bytes: Uint8Array<ArrayBuffer>,
  spans: readonly Span[],
): Uint8Array<ArrayBuffer>[] {
  const begins = [0, ...spans.map(([, end]) => end)];
  const ends = [...spans.map(([begin]) => begin), bytes.length];
  return begins.map((begin, i) => bytes.subarray(begin, ends[i]));
}

function renamed(
  bytes: Uint8Array<ArrayBuffer>,
  spans: readonly Span[],
): Uint8Array<ArrayBuffer>[] {
  const copy = bytes.slice();
  for (const [begin] of spans) copy.set([0x2d, 0x2d], begin);
  return [copy];
}

/** The segments APP1 of EXIF before the first scan. */
function exifOfJpeg(view: DataView): Span[] {
  const spans: Span[] = [];
  let at = 2;
  while (at + 8 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    const end = at + 2 + view.getUint16(at + 2);
    if (marker === 0xe1 && nameAt(view, at + 4) === "Exif") spans.push([at, end]);
    at = end;
  }
  return spans;
}

function exifOfPng(view: DataView): Span[] {
  const spans: Span[] = [];
  for (let at = 8; at + 12 <= view.byteLength; ) {
    const end = at + 12 + view.getUint32(at);
    if (nameAt(view, at + 4) === "eXIf") spans.push([at, end]);
    at = end;
  }
  return spans;
}

function exifOfWebp(view: DataView): Span[] {
  const spans: Span[] = [];
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const size = view.getUint32(at + 4, true);
    const end = at + 8 + size + (size % 2);
    if (nameAt(view, at) === "EXIF") spans.push([at, end]);
    at = end;
  }
  return spans;
}
