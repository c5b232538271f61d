/** What of a listed part can be used, going by its images' headers. */
import { UserError } from "../../errors.js";
import {
  exampleName,
  type FileSource,
  type Split,
  takeFiles,
  type UnreadableImage,
} from "../dataset.js";
import type { ImageHeader } from "../files/image-header.js";
import {
  type BadImages,
  checkReadable,
  faultOf,
  medianSize,
  otherwiseSkip,
  type ReadableHeader,
  readHeaders,
} from "../files/readable-images.js";
import { listed } from "../listed.js";
import type { LabelledImages, ListedPart } from "./listed-dataset.js";

/** The images of a part that can be used. */
export interface Usable {
  readonly split: Split;
  /** Of each image; undefined where they are taken as they are. */
  readonly headers: readonly ReadableHeader[] | undefined;
  readonly unreadable: readonly UnreadableImage[];
}

/**
 * Reads the headers of parts' images, where these are not known or of no interest.
 * @param badImages what becomes of images that cannot be used
 * @throws UserError if there are such and they shall be refused; those of all parts are listed
 */
export async function usableParts(
  parts: readonly ListedPart[],
  badImages: BadImages,
): Promise<Usable[]> {
  const read: { images: LabelledImages; headers: readonly ImageHeader[] }[] = [];
  const usable: (() => Usable)[] = [];
  for (const { images } of parts) {
    if ("paths" in images) {
      const headers = images.headers ?? (await readHeaders(images.paths));
      read.push({ images, headers });
      usable.push(() => usableOf(images, headers));
    } else usable.push(() => ({ split: images, headers: undefined, unreadable: [] }));
  }
  if (badImages === "refuse") {
    const names = read.flatMap(({ images }) => {
      const nameOf = images.nameOf ?? ((index: number) => exampleName(images, index));
      return images.paths.map((_, index) => nameOf(index));
    });
    const headers = read.flatMap((part) => part.headers);
    checkReadable(names, headers, otherwiseSkip);
  }
  return usable.map((of) => of());
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

/** The median size of images, or the size of all where they lie in memory. */
export function typicalSizeOf({
  split,
  headers,
}: Usable): readonly [height: number, width: number] {
  const { images } = split;
  if (images.kind === "pixels") return [images.height, images.width];
  return medianSize(headers ?? []);
}

/**
 * @param train undefined where it is not used
 * @param val undefined where it is still to be divided from `train`
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
