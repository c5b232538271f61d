/** What the rest of the program knows of a dataset: where its images are and what they show. */

/** Images that lie decoded in memory: uint8 `[n, height, width, 3]`, row-major RGB. */
export interface PixelSource {
  readonly kind: "pixels";
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** How a file is decoded: by TensorFlow's DecodeJpeg (JPEG, PNG) or DecodeImage (BMP, GIF, WebP). */
export type Decoder = "jpeg-or-png" | "any-image";

/** Images that lie in files, decoded by the engine when they are needed. */
export interface FileSource {
  readonly kind: "files";
  readonly paths: readonly string[];
  /** EXIF orientation of each file, 1 (upright) to 8. */
  readonly orientations: Uint8Array;
  readonly decoders: readonly Decoder[];
}

/** A part of a dataset: images and the class of each, as an index into `Dataset.classNames`. */
export interface Split {
  readonly images: PixelSource | FileSource;
  /** `[n]`, each in `[0, classNames.length)`. */
  readonly labels: Int32Array;
}

/** A dataset in two parts, ready to be trained on and evaluated on. */
export interface Dataset {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly train: Split;
  readonly val: Split;
  /** `[height, width]` by which the BiT-HyperRule chooses its resolution. */
  readonly typicalSize: readonly [height: number, width: number];
  /** Folder entries passed over: hidden, or not named as an image. Absent where no folder was walked. */
  readonly skipped?: number;
}
