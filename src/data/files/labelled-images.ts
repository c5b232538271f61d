/**
 * From images with labels, wherever they were listed, to a dataset: headers are read, images that
 * cannot be used are refused or left out, and a part is held out where none is.
 */

import { UserError } from "../../errors.js";
import {
  type ByteRanges,
  type Dataset,
  exampleName,
  type FileSource,
  type Split,
  takeFiles,
  type UnreadableImage,
} from "../dataset.js";
import { takeSplit } from "../few-shot.js";
import type { HeldOutOnly } from "../held-out.js";
import { stratifiedSplit } from "../stratified-split.js";
import { listed } from "./class-folders.js";
import type { ImageHeader } from "./image-header.js";
import {
  type BadImages,
  checkReadable,
  faultOf,
  medianSize,
  otherwiseSkip,
  type ReadableHeader,
  readHeaders,
} from "./readable-images.js";

/** The images of one part, by their place in a list. */
export interface LabelledImages {
  readonly paths: readonly string[];
  readonly ranges?: ByteRanges;
  /** `[n]` */
  readonly labels: Int32Array;
  /** What each image is, where that is known; otherwise it is read from the files. */
  readonly headers?: readonly ImageHeader[];
  /** How messages name an image, by default `exampleName`. */
  readonly nameOf?: (index: number) => string;
}

/** What a dataset is made of. */
export interface LabelledParts {
  readonly classNames: readonly string[];
  readonly train: LabelledImages;
  /** Undefined: a fifth of each class is held out (`stratifiedSplit`). */
  readonly val: LabelledImages | undefined;
  /** Where they were listed, for messages. */
  readonly where: string;
}

export interface DatasetOptions {
  /** The dataset's name. */
  readonly name: string;
  /** By which a part is held out; a safe integer. */
  readonly seed: number;
  /** Default: "refuse". */
  readonly badImages?: BadImages | undefined;
  /** Only the held-out part is used; default both are. */
  readonly heldOutOnly?: HeldOutOnly | undefined;
}

/**
 * Makes a dataset.
 * @throws UserError if images cannot be used and shall be refused, if a class has none left, or if
 * nothing can be held out
 */
export async function datasetOf(
  { classNames, train, val, where }: LabelledParts,
  { name, seed, badImages = "refuse", heldOutOnly }: DatasetOptions,
): Promise<Dataset> {
  const parts = val === undefined ? [train] : [train, val];
  const headers: (readonly ImageHeader[])[] = [];
  for (const part of parts) headers.push(part.headers ?? (await readHeaders(part.paths)));
  if (badImages === "refuse") {
    // A damaged image among those that are not used does no harm.
    const first = heldOutOnly !== undefined && val !== undefined ? 1 : 0;
    const names = parts.slice(first).flatMap((part) => {
      const nameOf = part.nameOf ?? ((index: number) => exampleName(part, index));
      return part.paths.map((_, index) => nameOf(index));
    });
    checkReadable(names, headers.slice(first).flat(), otherwiseSkip);
  }
  const usable = parts.map((part, i) => usableOf(part, headers[i]!));
  const unreadable = usable.flatMap((part) => part.unreadable);
  const [first, second] = usable as [Usable, Usable | undefined];
  if (badImages !== "report") {
    const train = heldOutOnly === undefined ? first.split : undefined;
    checkClasses(classNames, train, second?.split, where);
  }

  let { split, headers: trainHeaders } = first;
  let heldOut = second?.split;
  if (heldOut === undefined) {
    const indices = stratifiedSplit(split.labels, classNames.length, seed);
    if (indices.val.length === 0)
      throw new UserError(
        where,
        "one image in each class, of which none can be held out",
        "a second image in some class, or a held-out part of its own",
        "add images",
      );
    heldOut = takeSplit(split, indices.val);
    split = takeSplit(split, indices.train);
    trainHeaders = Array.from(indices.train, (index) => first.headers[index]!);
  }
  return {
    name,
    classNames,
    train: split,
    val: heldOut,
    typicalSize: medianSize(trainHeaders.length > 0 ? trainHeaders : second!.headers),
    ...(badImages !== "refuse" && { unreadable }),
  };
}

/** What of a part can be used: images, and the header of each. */
interface Usable {
  readonly split: Split;
  readonly headers: readonly ReadableHeader[];
  readonly unreadable: readonly UnreadableImage[];
}

function usableOf(part: LabelledImages, headers: readonly ImageHeader[]): Usable {
  const suspect = Uint8Array.from(headers, (h) => (h.kind === "readable" && h.suspect ? 1 : 0));
  const all = {
    kind: "files",
    paths: part.paths,
    ...(part.ranges !== undefined && { ranges: part.ranges }),
    orientations: Uint8Array.from(headers, (h) => (h.kind === "readable" ? h.orientation : 1)),
    decoders: headers.map((h) => (h.kind === "readable" ? h.decoder : "jpeg-or-png")),
    ...(suspect.includes(1) && { suspect }),
  } as const satisfies FileSource;
  const readable = headers.filter((header) => header.kind === "readable");
  if (readable.length === headers.length)
    return { split: { images: all, labels: part.labels }, headers: readable, unreadable: [] };
  const kept = Int32Array.from(headers.keys()).filter((i) => headers[i]!.kind === "readable");
  const unreadable = headers.flatMap((header, i): UnreadableImage[] => {
    if (header.kind === "readable") return [];
    return [{ path: exampleName(part, i), reason: faultOf(header)!, kind: header.kind }];
  });
  return {
    split: { images: takeFiles(all, kept), labels: kept.map((i) => part.labels[i]!) },
    headers: readable,
    unreadable,
  };
}

/**
 * @param train undefined where it is not used
 * @throws UserError where a class has no training image, or nothing is held out
 */
export function checkClasses(
  classNames: readonly string[],
  train: Split | undefined,
  val: Split | undefined,
  where: string,
): void {
  const present = new Set(train?.labels);
  const empty = train === undefined ? [] : classNames.filter((_, label) => !present.has(label));
  if (empty.length > 0)
    throw new UserError(
      where,
      `no training image that can be used in the class${empty.length > 1 ? "es" : ""} ${listed(empty)}`,
      "at least one in every class",
      "add images, or remove the class",
    );
  if (val !== undefined && val.labels.length === 0)
    throw new UserError(
      where,
      "no held-out image that can be used",
      "at least one",
      "replace the images that cannot be read",
    );
}
