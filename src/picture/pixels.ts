/** Pictures in memory. */

/** Red, green and blue, 0 to 255, row by row. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]` */
  readonly levels: Uint8Array;
}

export type Colour = readonly [red: number, green: number, blue: number];

/** A picture of one colour. */
export function plainPixels(height: number, width: number, [red, green, blue]: Colour): Pixels {
  const levels = new Uint8Array(height * width * 3);
  for (let i = 0; i < levels.length; i += 3) {
    levels[i] = red;
    levels[i + 1] = green;
    levels[i + 2] = blue;
  }
  return { height, width, levels };
}

/** Lays a picture upon a larger one, where it fits. */
export function lay(on: Pixels, picture: Pixels, [top, left]: readonly [number, number]): void {
  const row = 3 * picture.width;
  for (let y = 0; y < picture.height; y++) {
    const part = picture.levels.subarray(y * row, (y + 1) * row);
    on.levels.set(part, 3 * ((top + y) * on.width + left));
  }
}

/** A picture of which each pixel is a square of so many. */
export function magnified({ height, width, levels }: Pixels, times: number): Pixels {
  if (times === 1) return { height, width, levels };
  const large = plainPixels(height * times, width * times, [0, 0, 0]);
  for (let y = 0; y < large.height; y++)
    for (let x = 0; x < large.width; x++) {
      const from = 3 * (Math.floor(y / times) * width + Math.floor(x / times));
      large.levels.set(levels.subarray(from, from + 3), 3 * (y * large.width + x));
    }
  return large;
}
