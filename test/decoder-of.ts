/** How the images in test/fixtures/data are decoded, by their extension; all others are JPEG or PNG. */
import type { Decoder } from "../src/data/dataset.js";

export const DECODER_OF: Readonly<Record<string, Decoder>> = {
  ".bmp": "bmp",
  ".gif": "any-image",
  ".webp": "any-image",
};
