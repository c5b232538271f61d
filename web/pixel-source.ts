/** Pixels of a decoded photo, some rows at a time. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  /** RGBA bytes `[count,width,4]` of the rows from `top` on. */
  rows(top: number, count: number): ArrayLike<number>;
}

// Rows are taken in pieces of so many pixels, at most: 16 MB.
const piecePixels = 4 * 2 ** 20;

/** Takes all rows from top to bottom; `each` gets a row's RGBA as a place in `pixels`. */
export function forEachRow(
  source: PixelSource,
  each: (y: number, pixels: ArrayLike<number>, at: number) => void,
): void {
  const atATime = Math.max(1, Math.floor(piecePixels / source.width));
  for (let top = 0; top < source.height; top += atATime) {
    const count = Math.min(atATime, source.height - top);
    const pixels = source.rows(top, count);
    for (let y = 0; y < count; y++) each(top + y, pixels, 4 * y * source.width);
  }
}
