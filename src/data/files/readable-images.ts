/** Which of many images the engine can read, going by their headers. */

import { UserError } from "../../errors.js";
import { CONVERTED_FORMATS } from "../image-formats/image-format.js";
import { listed } from "../listed.js";
import { type ImageHeader, readImageHeader } from "./image-header.js";

/**
 * What becomes of images that cannot be used: an error; or they are left out and reported, where
 * "report" allows that a class has none left.
 */
export type BadImages = "refuse" | "skip" | "report";

/** What can be done about images that cannot be used, besides replacing them. */
export const otherwiseSkip = "leave them out: --bad_images skip";

/** An image that the engine can decode. */
export type ReadableHeader = Extract<ImageHeader, { kind: "readable" }>;

/** Files whose headers are read at a time. */
const CONCURRENT_READS = 32;

/** What each of many files is, in their order. */
export async function readHeaders(paths: readonly string[]): Promise<ImageHeader[]> {
  const headers: ImageHeader[] = [];
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < paths.length) {
      const i = next++;
      headers[i] = await readImageHeader(paths[i]!);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readOn));
  return headers;
}

/** Why an image cannot be used; undefined where it can. */
export function faultOf(header: ImageHeader): string | undefined {
  if (header.kind === "readable") return undefined;
  return header.kind === "corrupt" ? header.reason : header.format;
}

/**
 * @param names of the images, for the message
 * @param otherwise what can be done besides replacing them
 * @throws UserError that lists the images that are damaged or of an unknown format
 */
export function checkReadable(
  names: readonly string[],
  headers: readonly ImageHeader[],
  otherwise?: string,
): readonly ReadableHeader[] {
  const readable = headers.filter((header) => header.kind === "readable");
  if (readable.length === headers.length) return readable;
  const faulty = (kind: ImageHeader["kind"]) => {
    const at = [...headers.keys()].filter((i) => headers[i]!.kind === kind);
    return at.map((i) => `${names[i]} (${faultOf(headers[i]!)})`);
  };
  const next = (step: string) => (otherwise === undefined ? step : `${step}; or ${otherwise}`);
  const corrupt = faulty("corrupt");
  if (corrupt.length > 0)
    throw new UserError(
      `${corrupt.length} of ${names.length} image files`,
      `cannot be read: ${listed(corrupt)}`,
      "complete image files",
      next("replace or remove them"),
    );
  const unsupported = faulty("unsupported");
  throw new UserError(
    `${unsupported.length} of ${names.length} image files`,
    `in a format that cannot be decoded here: ${listed(unsupported)}`,
    "JPEG, PNG, BMP, GIF or WebP",
    next(stepsFor(unsupported, headers)),
  );
}

/** What to type where images are of formats that are not decoded. */
function stepsFor(names: readonly string[], headers: readonly ImageHeader[]): string {
  if (names.some((name) => /\(record \d+\)/.test(name))) return "write the shards with JPEG or PNG";
  const others = headers.filter((header) => header.kind === "unsupported");
  const foreign = others.filter(({ format }) => CONVERTED_FORMATS.includes(format));
  const steps: string[] = [];
  if (foreign.length > 0)
    steps.push(
      "type: npx bit-data convert FOLDER --to NEW_FOLDER, for a copy with PNG in place of " +
        `${[...new Set(foreign.map(({ format }) => format))].sort().join(", ")}`,
    );
  if (foreign.length < others.length)
    steps.push("convert them to PNG, for instance with ImageMagick: magick FILE PNG24:FILE.png");
  return steps.join("; ");
}

/** Median height and median width of upright images, in pixels. */
export function medianSize(headers: readonly ReadableHeader[]): [height: number, width: number] {
  const sizes = headers.map(uprightSize);
  return [
    medianOf(Float64Array.from(sizes, ([height]) => height)),
    medianOf(Float64Array.from(sizes, ([, width]) => width)),
  ];
}

/** An image's height and width once it is turned upright, in pixels. */
export function uprightSize({
  height,
  width,
  orientation,
}: ReadableHeader): readonly [height: number, width: number] {
  return orientation >= 5 ? [width, height] : [height, width];
}

/** The median of some numbers, rounded to a whole one. Sorts them. */
export function medianOf(numbers: Float64Array): number {
  numbers.sort();
  const upper = numbers.length >> 1;
  const lower = (numbers.length - 1) >> 1;
  return Math.round((numbers[lower]! + numbers[upper]!) / 2);
}
