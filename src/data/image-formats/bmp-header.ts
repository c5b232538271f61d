/**
 * A BMP's header: which of the format's many variants it is.
 * Source: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPINFOHEADER, BITMAPV4HEADER, -V5HEADER).
 */
import { DamagedHeader, part, type Reading } from "./byte-reading.js";
import { type ImageFormat, unsupported } from "./image-format.js";

const FILE_HEADER_BYTES = 14;
const CORE_HEADER_BYTES = 12;
/** Headers that begin as BITMAPINFOHEADER does, by their size; 64 is OS/2's second. */
const INFO_HEADERS = [40, 52, 56, 64, 108, 124];
const OS2_HEADER = 64;
/** More than a BMP's header can tell of, and than the engine counts. */
const MOST_BYTES = 2 ** 31 - 1;
const MOST_COLOURS = 2 ** 16;
const UNCOMPRESSED = 0;
const BITFIELDS = 3;

/** By the number of the compression. */
const COMPRESSIONS: Readonly<Record<number, string>> = {
  1: "BMP with run-length encoding (RLE8)",
  2: "BMP with run-length encoding (RLE4)",
  4: "BMP that holds a JPEG",
  5: "BMP that holds a PNG",
  6: "BMP with channels of its own (ALPHABITFIELDS)",
};

/** The masks of red, green and blue that the engine takes for granted, in the order B, G, R. */
const USUAL_MASKS = [0xff0000, 0xff00, 0xff];

/** @throws DamagedHeader where it is none */
export function* readBmpHeader(): Reading<ImageFormat> {
  const start = yield* part(10, 8);
  const pixelsAt = start.getUint32(0, true);
  const headerBytes = start.getUint32(4, true);
  if (headerBytes === CORE_HEADER_BYTES) return unsupported("BMP of OS/2 1.x");
  if (!INFO_HEADERS.includes(headerBytes)) {
    if (headerBytes === 16) return unsupported("BMP of OS/2 2.x with a short header");
    throw new DamagedHeader(`a BMP header of ${headerBytes} bytes`);
  }
  const info = yield* part(FILE_HEADER_BYTES, 40);
  const width = info.getInt32(4, true);
  const height = Math.abs(info.getInt32(8, true));
  const bits = info.getUint16(14, true);
  const compression = info.getUint32(16, true);
  const readable = (decoder: "bmp" | "palette-bmp") =>
    ({ kind: "readable", decoder, format: "bmp", height, width, orientation: 1 }) as const;

  const rowBytes = 4 * Math.ceil((width * bits) / 32);
  if (pixelsAt + rowBytes * height > MOST_BYTES)
    throw new DamagedHeader(`a BMP of ${pixelsAt + rowBytes * height} bytes`);
  if (headerBytes === OS2_HEADER && compression !== UNCOMPRESSED)
    return unsupported("compressed BMP of OS/2 2.x");
  if (compression === BITFIELDS && (bits === 24 || bits === 32)) {
    // They follow the smallest header, and are part of the others.
    const masks = yield* part(FILE_HEADER_BYTES + 40, 12);
    const found = [0, 4, 8].map((at) => masks.getUint32(at, true));
    const usual = found.every((mask, i) => mask === USUAL_MASKS[i]);
    if (usual || found.every((mask) => mask === 0)) return readable("bmp");
    const names = found.map((mask) => mask.toString(16).padStart(8, "0"));
    return unsupported(`${bits}-bit BMP with the masks ${names.join(", ")}`);
  }
  if (compression !== UNCOMPRESSED && compression !== BITFIELDS)
    return unsupported(COMPRESSIONS[compression] ?? `BMP of compression ${compression}`);
  if (bits === 24 || bits === 32) return readable("bmp");
  if (![1, 4, 8].includes(bits)) return unsupported(`${bits}-bit BMP`);
  if (compression === BITFIELDS) return unsupported(`${bits}-bit BMP with masks`);
  const colours = info.getUint32(32, true) || 1 << bits;
  if (colours > MOST_COLOURS) throw new DamagedHeader(`a BMP with a palette of ${colours} colours`);
  if (pixelsAt < FILE_HEADER_BYTES + headerBytes + 4 * Math.min(colours, 1 << bits))
    throw new DamagedHeader("a BMP whose pixels begin within its palette");
  return readable("palette-bmp");
}
