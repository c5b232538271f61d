/** What the rest of the program knows of a dataset: where its images are and what they show. */

import type { ByteRange } from "../disk/file-reading.js";
import type { EvaluatedPart } from "./parts/evaluation.js";

/** Images that lie decoded in memory: uint8 `[n, height, width, 3]`, row-major RGB. */
export interface PixelSource {
  readonly kind: "pixels";
  readonly pixels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/**
 * How a file is decoded, by what its header says; graphs know a decoder by its place.
 * - `jpeg-or-png`: by TensorFlow's DecodeJpeg
 * - `any-image`: by DecodeImage; GIF, and WebP without alpha
 * - `image-with-alpha`: WebP with alpha, which TensorFlow decodes to four channels only
 * - `animated-webp`: its first frame
 * - `bmp`: of 24 or 32 bits
 * - `palette-bmp`: of 1, 4 or 8 bits
 */
export const DECODERS = [
  "jpeg-or-png",
  "any-image",
  "image-with-alpha",
  "animated-webp",
  "bmp",
  "palette-bmp",
] as const;

/**
 * What decodes an image, by its format.
 * @useDeclaredType
 */
export type Decoder = (typeof DECODERS)[number];

/** Where images lie within files that hold many. Each array is `[n]`. */
export interface ByteRanges {
  /** The first byte of each image. */
  readonly offsets: Float64Array;
  /** Bytes of each image. */
  readonly lengths: Float64Array;
  /** Which record of its file each image is, from 0 on. */
  readonly records: Int32Array;
  /** `[n]`, the files as people know them, where those that hold the images were made of others. */
  readonly shards?: readonly string[] | undefined;
}

/** Images that lie in files, decoded by the engine when they are needed. */
export interface FileSource {
  readonly kind: "files";
  /** The file of each image. */
  readonly paths: readonly string[];
  /** Which part of its file each image is; undefined where every file is one image. */
  readonly ranges?: ByteRanges | undefined;
  /** EXIF orientation of each image, 1 (upright) to 8. */
  readonly orientations: Uint8Array;
  readonly decoders: readonly Decoder[];
  /**
   * `[n]`: 1 for an image whose file does not end as its format has it. Undefined where there is none,
   * or nobody has looked.
   */
  readonly suspect?: Uint8Array | undefined;
}

/** An image that cannot be used. */
export interface UnreadableImage {
  /** Its file, and its record where the file holds many: `exampleName`. */
  readonly path: string;
  readonly reason: string;
  /** Whether it is damaged, or whole but of a format that the engine does not decode. */
  readonly kind: "corrupt" | "unsupported";
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
  /** What people should know of: parts and files that are not used, what was guessed. */
  readonly notes?: readonly string[];
  /** What was made of it for an evaluation; absent where it is loaded to train on. */
  readonly evaluated?: EvaluatedPart;
  /** Folder entries passed over: hidden, or not named as an image. Absent where no folder was walked. */
  readonly skipped?: number;
  /** Images left out because they cannot be used. Absent where these are refused instead. */
  readonly unreadable?: readonly UnreadableImage[];
  /** What else a training would refuse the dataset for. Absent where it is refused at once. */
  readonly faults?: readonly string[];
  /** All images, where both parts are of them: a fifth of each class is held out by the seed. */
  readonly undivided?: Split;
  /** Where `train` is a few examples of each class: their indices in all that there were. */
  readonly selected?: Int32Array;
}

/** How an image is named to people: by its file, or as `FILE (record 7)`. */
export function exampleName(
  { paths, ranges }: Pick<FileSource, "paths" | "ranges">,
  index: number,
): string {
  if (ranges === undefined) return paths[index]!;
  return `${ranges.shards?.[index] ?? paths[index]} (record ${ranges.records[index]})`;
}

/** As `exampleName`, of any images; `image 7` where they lie in no files of their own. */
export function imageName(images: Split["images"], index: number): string {
  return images.kind === "files" ? exampleName(images, index) : `image ${index}`;
}

/** Which part of its file an image is; undefined where it is all of it. */
export function rangeOf(
  { ranges }: Pick<FileSource, "ranges">,
  index: number,
): ByteRange | undefined {
  return ranges && { offset: ranges.offsets[index]!, length: ranges.lengths[index]! };
}

/** The images at some indices, in that order. */
export function takeFiles(images: FileSource, indices: ArrayLike<number>): FileSource {
  const { ranges, suspect } = images;
  const at = Array.from(indices);
  return {
    kind: "files",
    paths: at.map((index) => images.paths[index]!),
    ...(ranges !== undefined && {
      ranges: {
        offsets: Float64Array.from(at, (index) => ranges.offsets[index]!),
        lengths: Float64Array.from(at, (index) => ranges.lengths[index]!),
        records: Int32Array.from(at, (index) => ranges.records[index]!),
        ...(ranges.shards && { shards: at.map((index) => ranges.shards![index]!) }),
      },
    }),
    orientations: Uint8Array.from(at, (index) => images.orientations[index]!),
    decoders: at.map((index) => images.decoders[index]!),
    ...(suspect !== undefined && { suspect: Uint8Array.from(at, (index) => suspect[index]!) }),
  };
}
