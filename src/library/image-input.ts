/** What a program gives as images, and what becomes of each: something to decode, or pixels. */
import { fileURLToPath } from "node:url";
import { imageHeaderOf, readImageHeader } from "../data/files/image-header.js";
import { faultOf, type ReadableHeader } from "../data/files/readable-images.js";
import { readWhole } from "../disk/file-reading.js";
import { UserError } from "../errors.js";

/** Pixels, row-major RGB. */
export interface RawPixels {
  /**
   * Bytes are grey levels of 0 to 255, and are resized as files are. Float32 values are in [-1, 1]
   * (`(level - 127.5) / 127.5`), and are what the network sees: they are not resized.
   */
  readonly data: Uint8Array | Float32Array;
  /** `[height, width, 3]`, or `[count, height, width, 3]` for several images. */
  readonly shape: readonly number[];
}

/** An image: the path or `file:` URL of a file, the bytes of one (a Buffer, say), or pixels. */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | RawPixels;

/** One image or many, as they come. */
export type ImageInputs = ImageInput | Iterable<ImageInput> | AsyncIterable<ImageInput>;

/** An image among others. Of pixels of several images each is one. */
export interface OneImage {
  /** As it was given. */
  readonly source: ImageInput;
  /** Its path, or its place among the images, for messages. */
  readonly name: string;
  readonly image:
    | { readonly kind: "path"; readonly path: string }
    | { readonly kind: "encoded"; readonly bytes: Uint8Array }
    | {
        readonly kind: "pixels";
        readonly data: Uint8Array | Float32Array;
        readonly height: number;
        readonly width: number;
      };
}

/**
 * Every image by itself, in order.
 * @throws TypeError at what is no image; UserError at pixels that do not fit their shape
 */
export async function* imagesOf(inputs: ImageInputs): AsyncGenerator<OneImage, void, undefined> {
  let index = 0;
  for await (const source of isImage(inputs) ? [inputs] : inputs) {
    for (const image of imagesIn(source, `images[${index}]`)) yield image;
    index++;
  }
}

function isImage(value: ImageInputs): value is ImageInput {
  if (typeof value === "string" || value instanceof URL || value instanceof ArrayBuffer)
    return true;
  return ArrayBuffer.isView(value) || "shape" in value;
}

function* imagesIn(source: ImageInput, name: string): Generator<OneImage> {
  if (typeof source === "string")
    yield { source, name: source, image: { kind: "path", path: source } };
  else if (source instanceof URL) {
    const path = fileURLToPath(source);
    yield { source, name: path, image: { kind: "path", path } };
  } else if (source instanceof Uint8Array)
    yield { source, name, image: { kind: "encoded", bytes: source } };
  else if (source instanceof ArrayBuffer)
    yield { source, name, image: { kind: "encoded", bytes: new Uint8Array(source) } };
  else if (typeof source === "object" && source !== null && "shape" in source)
    yield* imagesOfPixels(source, name);
  else
    throw new TypeError(
      `${name}: a path, a file's bytes (Uint8Array), or { data, shape } was expected, not ${source}`,
    );
}

function* imagesOfPixels(source: RawPixels, name: string): Generator<OneImage> {
  const { data, shape } = source;
  if (!(data instanceof Uint8Array) && !(data instanceof Float32Array))
    throw new TypeError(`${name}: data: a Uint8Array or a Float32Array was expected`);
  const [height, width, channels] = shape.slice(-3);
  const [count] = shape.length === 4 ? shape : [1];
  const sizes = [count, height, width, channels];
  const fits =
    (shape.length === 3 || shape.length === 4) &&
    channels === 3 &&
    sizes.every((size) => Number.isInteger(size) && size! > 0) &&
    data.length === count! * height! * width! * 3;
  if (!fits) throw noPixels(name, source);
  const each = height! * width! * 3;
  for (let i = 0; i < count!; i++) {
    const image = {
      kind: "pixels",
      data: data.subarray(i * each, (i + 1) * each),
      height: height!,
      width: width!,
    } as const;
    yield { source, name: count === 1 ? name : `${name}, image ${i}`, image };
  }
}

function noPixels(name: string, { data, shape }: RawPixels): UserError {
  return new UserError(
    name,
    `${data.length} values for shape [${shape.join(", ")}]`,
    "shape [height, width, 3] or [count, height, width, 3], and as many values",
    shape.at(-1) === 4
      ? "leave the alpha channel out"
      : "give RGB, the channels last; grey three times over",
  );
}

/** An image file's bytes, and how they are decoded. */
export interface EncodedImage {
  readonly bytes: Uint8Array;
  readonly header: ReadableHeader;
}

// A header that claims so much is damaged, or the file is no image.
const mostBytes = 2 ** 30;

/**
 * Reads an image file, or looks at its bytes.
 * @throws UserError where it is none, or cannot be read
 */
export async function readEncoded(
  name: string,
  image: Extract<OneImage["image"], { kind: "path" | "encoded" }>,
): Promise<EncodedImage> {
  if (image.kind === "encoded") {
    const { bytes } = image;
    return { bytes, header: readable(name, imageHeaderOf(bytes)) };
  }
  const header = readable(name, await readImageHeader(image.path));
  try {
    return { bytes: await readWhole(image.path, mostBytes), header };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw badImage(name, reason, { cause: error });
  }
}

function readable(name: string, header: ReturnType<typeof imageHeaderOf>): ReadableHeader {
  if (header.kind === "readable") return header;
  const fault = faultOf(header)!;
  throw badImage(name, header.kind === "unsupported" ? `${fault} is not decoded here` : fault);
}

/** The error for an image that cannot be used. */
export function badImage(name: string, reason: string, options?: ErrorOptions): UserError {
  return new UserError(
    name,
    `cannot be used (${reason})`,
    "a whole JPEG, PNG, BMP, GIF or WebP image",
    "replace the image, or leave it out",
    options,
  );
}
