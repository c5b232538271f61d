/**
 * How an image is to be turned to lie upright, from its EXIF data or else its XMP: the rules are those
 * of Pillow's `ImageOps.exif_transpose`, so that the same files are turned.
 * Source: EXIF 2.3, tag 0x0112; XMP specification, part 2 (tiff:Orientation).
 */

import { tiffNumbers } from "./tiff-directory.js";

const ORIENTATION_TAG = 0x0112;
const EXIF_PREFIX = "Exif\0\0";

/** What tells an image's orientation. */
export interface Metadata {
  readonly exif?: Uint8Array | undefined;
  readonly xmp?: Uint8Array | undefined;
}

/** EXIF orientation, 1 (upright) to 8. XMP counts where the EXIF data has none. */
export function orientationOf({ exif, xmp }: Metadata): number {
  const found = (exif && exifOrientation(exif)) ?? (xmp && xmpOrientation(xmp)) ?? 1;
  return found >= 1 && found <= 8 ? found : 1;
}

/**
 * The orientation that EXIF data has, of whatever value; undefined where there is none.
 * @param exif a TIFF file, with or without `Exif` and two zeros before it
 */
export function exifOrientation(exif: Uint8Array): number | undefined {
  const text = Buffer.from(exif.buffer, exif.byteOffset, exif.length);
  let start = 0;
  while (text.toString("latin1", start, start + EXIF_PREFIX.length) === EXIF_PREFIX)
    start += EXIF_PREFIX.length;
  return tiffNumbers(exif.subarray(start)).get(ORIENTATION_TAG);
}

/** The orientation that XMP has, as an attribute or an element; undefined where there is none. */
function xmpOrientation(xmp: Uint8Array): number | undefined {
  const text = Buffer.from(xmp.buffer, xmp.byteOffset, xmp.length).toString("latin1");
  const digit = /tiff:Orientation(?:="|>)([0-9])/.exec(text)?.[1];
  return digit === undefined ? undefined : Number(digit);
}

/**
 * For each EXIF orientation 1 to 8 (row 0 is unused): whether rows and columns are swapped first,
 * then whether rows, then columns are reversed. Source: EXIF 2.3, tag 0x0112.
 */
export const orientations: readonly (readonly [swap: boolean, rows: boolean, columns: boolean])[] =
  [
    [false, false, false],
    [false, false, false],
    [false, false, true],
    [false, true, true],
    [false, true, false],
    [true, false, false],
    [true, false, true],
    [true, true, true],
    [true, true, false],
  ];
