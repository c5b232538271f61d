/** An image as pixels alone, between what reads one format and what writes another. */

/** An image, upright. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** uint8 `[height, width, 3]` */
  readonly rgb: Uint8Array;
}
