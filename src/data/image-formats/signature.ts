/** Which image format a file has, by its first bytes. */
import type { ImageFormat } from "./image-format.js";
import { unsupported } from "./image-format.js";

/** Formats that are known and not decoded here, by the letters at a place. */
const SIGNATURES: readonly (readonly [at: number, letters: string, name: string])[] = [
  [0, "II*\0", "TIFF"],
  [0, "MM\0*", "TIFF"],
  [0, "II+\0", "TIFF"],
  [0, "MM\0+", "TIFF"],
  [0, "\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"],
  [0, "\xff\x0a", "JPEG XL"],
  [0, "\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"],
  [0, "\xff\x4f\xff\x51", "JPEG 2000"],
  [0, "8BPS", "Photoshop document"],
  [0, "\0\0\x01\0", "icon"],
  [0, "DDS ", "DDS texture"],
  [0, "gimp xcf", "GIMP image"],
  [0, "%PDF", "PDF"],
];

/** Brands of the ISO base media file format that hold still images, and what they are called. */
const BRANDS: Readonly<Record<string, string>> = {
  avif: "AVIF",
  avis: "AVIF",
  heic: "HEIC",
  heix: "HEIC",
  heim: "HEIC",
  heis: "HEIC",
  hevc: "HEIC",
  hevx: "HEIC",
  mif1: "HEIF",
  msf1: "HEIF",
};

/** An image of a format that is not decoded here; undefined where the bytes are none that is known. */
export function unsupportedFormat(bytes: Uint8Array): ImageFormat | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(
    "latin1",
    0,
    Math.min(bytes.length, 1024),
  );
  const known = SIGNATURES.find(([at, letters]) => text.startsWith(letters, at));
  if (known !== undefined) return unsupported(known[2]);
  const heif = brandOf(text);
  if (heif !== undefined) return unsupported(heif);
  if (/^P[1-7][\s#]/.test(text)) return unsupported("PNM");
  if (/^\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/s.test(text))
    return unsupported("SVG");
  return undefined;
}

/** By its major brand, or else by the first compatible one that tells more than HEIF. */
function brandOf(text: string): string | undefined {
  if (text.slice(4, 8) !== "ftyp") return undefined;
  const size = Buffer.from(text.slice(0, 4), "latin1").readUInt32BE(0);
  const brands = [text.slice(8, 12)];
  for (let at = 16; at + 4 <= Math.min(size, text.length); at += 4)
    brands.push(text.slice(at, at + 4));
  const names = brands.flatMap((brand) => BRANDS[brand] ?? []);
  return names.find((name) => name !== "HEIF") ?? names[0];
}
