/** The first directory of a TIFF file, which EXIF data is as well. Source: TIFF 6.0, section 2. */

const ENTRY_BYTES = 12;

/** TIFF's whole numbers: how one is read, by the type's number. */
const READERS: Readonly<Record<number, (view: DataView, at: number, little: boolean) => number>> = {
  3: (view, at, little) => view.getUint16(at, little),
  4: (view, at, little) => view.getUint32(at, little),
  8: (view, at, little) => view.getInt16(at, little),
  9: (view, at, little) => view.getInt32(at, little),
};

/**
 * The tags that have one whole number, and that. Of a damaged directory as much as can be read; none of
 * a file that is no TIFF, or a BigTIFF.
 */
export function tiffNumbers(tiff: Uint8Array): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.length);
  if (view.byteLength < 8) return numbers;
  const order = view.getUint16(0);
  // "II" and "MM".
  if (order !== 0x4949 && order !== 0x4d4d) return numbers;
  const little = order === 0x4949;
  if (view.getUint16(2, little) !== 42) return numbers;
  const table = view.getUint32(4, little);
  if (table + 2 > view.byteLength) return numbers;
  const count = view.getUint16(table, little);
  for (let i = 0; i < count; i++) {
    const entry = table + 2 + i * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > view.byteLength) break;
    const read = READERS[view.getUint16(entry + 2, little)];
    if (read === undefined || view.getUint32(entry + 4, little) !== 1) continue;
    numbers.set(view.getUint16(entry, little), read(view, entry + 8, little));
  }
  return numbers;
}
