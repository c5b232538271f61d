/** What a parser of headers finds. */
import type { Decoder } from "../dataset.js";

/** An image that claims more pixels is taken for damaged. Decoded, so many are 800 MB. */
export const MOST_PIXELS = 2 ** 28;

/** The formats that `bit-data convert` reads, by the words of `UnsupportedFormat`. */
export const CONVERTED_FORMATS: readonly string[] = ["TIFF", "AVIF", "HEIC", "HEIF"];

/** An image that the engine decodes. */
export interface ReadableFormat {
  readonly kind: "readable";
  readonly decoder: Decoder;
  /** As in `jpg`, `png`, `bmp`, `gif`, `webp`. */
  readonly format: string;
  /** In pixels, as stored: before the orientation is applied. */
  readonly height: number;
  readonly width: number;
  /** EXIF orientation, 1 (upright) to 8; 5 to 8 exchange height and width. */
  readonly orientation: number;
  /** It may have transparent parts: its pixels are taken as if these showed. */
  readonly alpha?: true;
}

/** An image that the engine cannot decode. */
export interface UnsupportedFormat {
  readonly kind: "unsupported";
  /** In words, such as `12-bit JPEG` or `TIFF`. */
  readonly format: string;
}

export type ImageFormat = ReadableFormat | UnsupportedFormat;

/** An image that the engine cannot decode, by the words for it. */
export function unsupported(format: string): UnsupportedFormat {
  return { kind: "unsupported", format };
}
