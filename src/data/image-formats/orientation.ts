/**
 * How an image is to be turned to lie upright, from its EXIF data or else its XMP: the rules are those
 * of Pillow's `ImageOps.exif_transpose`, so that the same files are turned.
 * Source: EXIF 2.3, tag 0x0112; TIFF 6.0, section 2; XMP specification, part 2 (tiff:Orientation).
 */

const EXIF_PREFIX = "Exif\0\0";
const ORIENTATION_TAG = 0x0112;
const ENTRY_BYTES = 12;

/** TIFF's whole numbers: how one is read, by the type's number. */
const READERS: Readonly<Record<number, (view: DataView, at: number, little: boolean) => number>> = {
  3: (view, at, little) => view.getUint16(at, little),
  4: (view, at, little) => view.getUint32(at, little),
  8: (view, at, little) => view.getInt16(at, little),
  9: (view, at, little) => view.getInt32(at, little),
};

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
  let start = 0;
  const buffer = Buffer.from(exif.buffer, exif.byteOffset, exif.length);
  while (buffer.toString("latin1", start, start + EXIF_PREFIX.length) === EXIF_PREFIX)
    start += EXIF_PREFIX.length;
  const view = new DataView(exif.buffer, exif.byteOffset + start, exif.length - start);
  if (view.byteLength < 8) return undefined;
  const order = buffer.toString("latin1", start, start + 2);
  if (order !== "II" && order !== "MM") return undefined;
  const little = order === "II";
  if (view.getUint16(2, little) !== 42) return undefined;
  const table = view.getUint32(4, little);
  if (table + 2 > view.byteLength) return undefined;
  const count = view.getUint16(table, little);
  let found: number | undefined;
  for (let i = 0; i < count; i++) {
    const entry = table + 2 + i * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > view.byteLength) break;
    const read = READERS[view.getUint16(entry + 2, little)];
    const isOne = view.getUint32(entry + 4, little) === 1;
    if (view.getUint16(entry, little) !== ORIENTATION_TAG || read === undefined || !isOne) continue;
    found = read(view, entry + 8, little);
  }
  return found;
}

/** The orientation that XMP has, as an attribute or an element; undefined where there is none. */
export function xmpOrientation(xmp: Uint8Array): number | undefined {
  const text = Buffer.from(xmp.buffer, xmp.byteOffset, xmp.length).toString("latin1");
  const digit = /tiff:Orientation(?:="|>)([0-9])/.exec(text)?.[1];
  return digit === undefined ? undefined : Number(digit);
}
