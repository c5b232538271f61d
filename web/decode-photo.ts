/** Photos as browsers decode them: at full size, upright, without a colour profile's changes. */
import { imageHeaderOf } from "../src/data/image-formats/image-bytes.js";
import { forEachRow, type PixelSource } from "./pixel-source.js";
import { turned } from "./turned.js";
import { withoutExif } from "./without-exif.js";

/** A decoded photo. To be closed. */
export interface DecodedPhoto extends PixelSource {
  /** What people should know of how it was read. */
  readonly notes: readonly string[];
  close(): void;
}

/**
 * Decodes a photo.
 * @throws Error where it is none, or the browser cannot
 */
export async function decodePhoto(photo: Blob): Promise<DecodedPhoto> {
  const bytes = new Uint8Array(await photo.arrayBuffer());
  const header = imageHeaderOf(bytes);
  if (header.kind === "corrupt")
    throw new Error(`It is no photo that can be used: ${header.reason}.`);
  const notes: string[] = [];
  if (header.kind === "unsupported")
    notes.push(`${header.format} is decoded in the browser's own way: bit-predict refuses it.`);
  const isKnown = header.kind === "readable";
  const isCutOff = isKnown && header.suspect === true;
  if (isCutOff) notes.push(cutOff);
  const parts = isKnown ? withoutExif(bytes, header.format) : [bytes];
  if (isCutOff && header.format === "jpg") parts.push(endOfJpeg);
  const unturned = new Blob(parts, { type: photo.type });
  const drawn = draw(await bitmapOf(unturned, isCutOff ? `${cutOff} ` : ""));
  let pixels: PixelSource = drawn;
  if (!isOpaque(bytes, drawn)) {
    // A canvas keeps colours times their opacity: of those that hardly show, hardly anything is left.
    const hidden = await hiddenPixels(unturned, drawn).catch(() => undefined);
    pixels = hidden ?? drawn;
    notes.push(
      hidden === undefined
        ? "It has transparent parts, whose colours this browser does not tell exactly."
        : "It has transparent parts; their colours count as if they showed.",
    );
  }
  return { ...turned(pixels, isKnown ? header.orientation : 1), notes, close: drawn.close };
}

const cutOff = "Its file seems to be cut off.";

// Where it is missing, createImageBitmap refuses a JPEG; with it, what is missing of the image is grey.
const endOfJpeg = Uint8Array.of(0xff, 0xd9);

async function bitmapOf(photo: Blob, told: string): Promise<ImageBitmap> {
  try {
    return await createImageBitmap(photo, {
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw new Error(`${told}This browser cannot read it as a photo.`);
  }
}

function draw(bitmap: ImageBitmap): PixelSource & { close(): void } {
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  // Read often: kept by the processor, where no graphics card's rounding takes part.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) throw new Error(`It is too large for this browser: ${width}x${height}.`);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return {
    width,
    height,
    rows: (top, count) => context.getImageData(0, top, width, count).data,
    close: () => {
      canvas.width = 0;
    },
  };
}

/** Whether nothing shows through. A JPEG has nothing that could. */
function isOpaque(bytes: Uint8Array, pixels: PixelSource): boolean {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return true;
  let least = 255;
  forEachRow(pixels, (_, row, at) => {
    for (let x = at + 3; x < at + 4 * pixels.width; x += 4) least = Math.min(least, row[x]!);
  });
  return least === 255;
}

/**
 * A photo's pixels as its file has them, whatever their opacity.
 * @returns undefined where the browser has no way, or another idea of the photo than its canvas
 */
async function hiddenPixels(photo: Blob, drawn: PixelSource): Promise<PixelSource | undefined> {
  const { width, height } = drawn;
  const { type } = photo;
  const data = await photo.arrayBuffer();
  const decoder = new ImageDecoder({ data, type, colorSpaceConversion: "none" });
  try {
    const { image } = await decoder.decode();
    // As the decoder made it: a conversion to RGBA would go through colours times their opacity.
    const { format, codedWidth, codedHeight } = image;
    const bytes = new Uint8ClampedArray(image.allocationSize());
    await image.copyTo(bytes);
    image.close();
    if (format !== "BGRA" && format !== "RGBA") return undefined;
    if (codedWidth !== width || codedHeight !== height || bytes.length !== 4 * width * height)
      return undefined;
    if (format === "BGRA") swapRedAndBlue(bytes);
    const rows = (top: number, count: number) =>
      bytes.subarray(4 * top * width, 4 * (top + count) * width);
    let agrees = true;
    forEachRow(drawn, (y, row, at) => {
      const own = rows(y, 1);
      for (let x = 0; x < 4 * width; x += 4) {
        const opaque = row[at + x + 3] === 255;
        for (let channel = 0; channel < 4; channel++)
          if ((opaque || channel === 3) && own[x + channel] !== row[at + x + channel])
            agrees = false;
      }
    });
    return agrees ? { width, height, rows } : undefined;
  } finally {
    decoder.close();
  }
}

function swapRedAndBlue(bytes: Uint8ClampedArray): void {
  for (let i = 0; i < bytes.length; i += 4) {
    const first = bytes[i]!;
    bytes[i] = bytes[i + 2]!;
    bytes[i + 2] = first;
  }
}
