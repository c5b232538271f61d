/** Photos turned to lie upright, as bit-predict turns them. */
import { orientations } from "../src/data/image-formats/orientation.js";
import { forEachRow, type PixelSource } from "./pixel-source.js";

/** @param orientation EXIF's: 1 (upright) to 8 */
export function turned(source: PixelSource, orientation: number): PixelSource {
  const [swap, rows, columns] = orientations[orientation]!;
  if (!swap && !rows && !columns) return source;
  const [width, height] = swap ? [source.height, source.width] : [source.width, source.height];
  // RGBA of a pixel as one number: they are moved, not looked into.
  const pixels = new Uint32Array(width * height);
  const row = new Uint32Array(source.width);
  const bytes = new Uint8Array(row.buffer);
  forEachRow(source, (y, from, at) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = from[at + i]!;
    for (let x = 0; x < row.length; x++) {
      const [swappedY, swappedX] = swap ? [x, y] : [y, x];
      const toY = rows ? height - 1 - swappedY : swappedY;
      const toX = columns ? width - 1 - swappedX : swappedX;
      pixels[toY * width + toX] = row[x]!;
    }
  });
  const all = new Uint8Array(pixels.buffer);
  return {
    width,
    height,
    rows: (top, count) => all.subarray(4 * top * width, 4 * (top + count) * width),
  };
}
