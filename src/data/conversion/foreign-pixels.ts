/**
 * Pixels of images that the engine does not decode: TIFF and AVIF by sharp (libvips), HEIC by libheif.
 * What they would show in another way than other programs is refused rather than guessed.
 */
import { Worker } from "node:worker_threads";
import type { Metadata, Sharp, SharpConstructor } from "sharp";
import { systemErrorCode, UserError } from "../../errors.js";
import { MOST_PIXELS } from "../image-formats/image-format.js";
import { tiffNumbers } from "../image-formats/tiff-directory.js";
import type { HeicReply, HeicTask } from "./heic-worker.js";
import type { Pixels } from "./pixels.js";

/** That an image is not converted: its message is why. */
export class NotConverted extends Error {
  override readonly name = "NotConverted";
}

/** TIFF's tags, and values of theirs. Source: TIFF 6.0, sections 4 to 6, 20 to 23. */
const COMPRESSION = 259;
const JPEG_COMPRESSION = 7;
const PHOTOMETRIC = 262;
const YCBCR = 6;
/** In place of TIFF's 42. */
const BIG_TIFF = 43;
/** What a pixel's numbers mean: grey (white or black is zero), RGB, a palette. */
const PLAIN_PHOTOMETRICS = [0, 1, 2, 3];
const PHOTOMETRIC_NAMES: Readonly<Record<number, string>> = {
  4: "a mask",
  5: "CMYK",
  6: "YCbCr without JPEG",
  8: "Lab",
  9: "Lab (ICC)",
  10: "Lab (ITU)",
};

/** Where a HEIF's boxes that turn it are looked for. */
const HEIF_HEADER_BYTES = 64 * 1024;

/**
 * sharp, which is an optional dependency.
 * @throws UserError where it is not installed
 */
async function loadSharp(): Promise<SharpConstructor> {
  try {
    return (await import("sharp")).default;
  } catch (error) {
    throw notInstalled(error);
  }
}

function notInstalled(error: unknown): UserError {
  return new UserError(
    "sharp and libheif-js",
    `not installed, or not for this machine (${error instanceof Error ? error.message.split("\n", 1)[0] : error})`,
    "the packages that read TIFF, AVIF and HEIC",
    "type: npm install --include=optional sharp libheif-js",
    { cause: error },
  );
}

/**
 * Decodes an image upright. Alpha is dropped, colour profiles are not applied, of 16 bits the high byte
 * is kept, and of several pages or pictures the first or primary one: as where the engine decodes.
 * @param format one of CONVERTED_FORMATS
 * @throws NotConverted where it is damaged, or may look otherwise elsewhere
 * @throws UserError where sharp or libheif-js is not installed
 */
export async function foreignPixels(
  file: Uint8Array,
  format: string,
  signal?: AbortSignal,
): Promise<Pixels> {
  const isHeic = format.startsWith("HEI");
  if (format === "TIFF") checkTiff(file);
  const pixels = isHeic ? await heicPixels(file, signal) : await sharpPixels(file, format);
  if (format !== "TIFF") checkTurn(file, pixels);
  return pixels;
}

/** @throws NotConverted where sharp would take the numbers for other colours than they are */
function checkTiff(file: Uint8Array): void {
  const numbers = tiffNumbers(file);
  const meaning = numbers.get(PHOTOMETRIC);
  if (file[2] === BIG_TIFF || file[3] === BIG_TIFF) throw new NotConverted("a BigTIFF");
  if (meaning === undefined) throw new NotConverted("a TIFF that ends before its directory");
  const isJpeg = meaning === YCBCR && numbers.get(COMPRESSION) === JPEG_COMPRESSION;
  if (PLAIN_PHOTOMETRICS.includes(meaning) || isJpeg) return;
  throw new NotConverted(`a TIFF of ${PHOTOMETRIC_NAMES[meaning] ?? `photometric ${meaning}`}`);
}

/**
 * libheif turns the colours of an image with halved colour resolution wrongly where a side is odd.
 * @throws NotConverted where that may be so
 */
function checkTurn(file: Uint8Array, { height, width }: Pixels): void {
  if (height % 2 === 0 && width % 2 === 0) return;
  const header = Buffer.from(file.subarray(0, HEIF_HEADER_BYTES)).toString("latin1");
  const angles = [...header.matchAll(/irot([\s\S])/g)].map((match) => match[1]!.charCodeAt(0) & 3);
  if (!header.includes("imir") && angles.every((angle) => angle === 0)) return;
  throw new NotConverted(`turned, and of ${height} x ${width} pixels, of which one number is odd`);
}

async function sharpPixels(file: Uint8Array, format: string): Promise<Pixels> {
  const sharp = await loadSharp();
  try {
    const image = sharp(file, { ignoreIcc: true, failOn: "error", limitInputPixels: MOST_PIXELS });
    checkChannels(await image.metadata(), format);
    return await rgbOf(image);
  } catch (error) {
    if (error instanceof NotConverted || !(error instanceof Error)) throw error;
    throw new NotConverted(error.message.trim().split("\n", 1)[0]!);
  }
}

function checkChannels({ depth, channels, space }: Metadata, format: string): void {
  if (depth !== "uchar" && depth !== "ushort")
    throw new NotConverted(`a ${format} of numbers of the type ${depth}`);
  const isGrey = space === "b-w" || space === "grey16";
  const isColour = space === "srgb" || space === "rgb16";
  if ((isGrey && channels <= 2) || (isColour && (channels === 3 || channels === 4))) return;
  throw new NotConverted(`a ${format} of ${channels} channels (${space})`);
}

async function rgbOf(image: Sharp): Promise<Pixels> {
  const { data, info } = await image
    .autoOrient()
    .removeAlpha()
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  const { height, width, channels } = info;
  if (channels === 3) return { height, width, rgb: data };
  const rgb = new Uint8Array(height * width * 3);
  for (let i = 0; i < height * width; i++) rgb.fill(data[i * channels]!, 3 * i, 3 * i + 3);
  return { height, width, rgb };
}

function heicPixels(file: Uint8Array, signal: AbortSignal | undefined): Promise<Pixels> {
  const task: HeicTask = { file };
  // What libheif prints about a damaged file would stand among this program's own lines.
  const options = { workerData: task, stdout: true, stderr: true };
  const worker = new Worker(new URL("./heic-worker.js", import.meta.url), options);
  const stop = () => void worker.terminate();
  signal?.addEventListener("abort", stop);
  return new Promise<Pixels>((resolve, reject) => {
    worker.once("message", (reply: HeicReply) => {
      if (typeof reply === "string") reject(new NotConverted(reply));
      else resolve(reply);
    });
    worker.once("error", (error) => {
      const missing = systemErrorCode(error)?.includes("MODULE_NOT_FOUND");
      reject(missing ? notInstalled(error) : new NotConverted(`libheif fails: ${error.message}`));
    });
    worker.once("exit", () => reject(new NotConverted("its decoder was stopped")));
  }).finally(() => signal?.removeEventListener("abort", stop));
}

/** What converted images are stored as. */
export type TargetFormat = "png" | "jpeg";

/** An image's file. JPEG is of quality 95 with full colour resolution. */
export async function encodePixels(
  { height, width, rgb }: Pixels,
  format: TargetFormat,
): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const raw = { width, height, channels: 3 } as const;
  const image = sharp(rgb, { raw, limitInputPixels: false });
  if (format === "png") return image.png().toBuffer();
  return image.jpeg({ quality: 95, chromaSubsampling: "4:4:4" }).toBuffer();
}
