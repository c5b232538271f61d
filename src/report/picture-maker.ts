/** Small pictures of a dataset's images, for a report: as the network sees them, upright and square. */
import type { Engine } from "../engine/session.js";
import { ImageEncoder, type ImageEncoding, levelsOf } from "../input/image-encoder.js";
import { ImageProgram } from "../input/image-program.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { findPlaced, ifReadable, type Place, type PlacedImage } from "./placed-image.js";
import type { Picture } from "./report-data.js";

/** Side of a picture in pixels; smaller where all images are. */
const mostSide = 144;
/** Images of so few pixels are encoded without a loss, and shown as they are. */
const losslessSide = 64;
const lossless: ImageEncoding = { format: "png", compression: 9 };
const lossy: ImageEncoding = { format: "jpeg", quality: 85 };

/**
 * Pictures of images, in their order; undefined for one that cannot be read or decoded any more.
 * @param resize as the run's own images are resized
 */
export async function makePictures(
  engine: Pick<Engine, "open" | "target">,
  places: readonly Place[],
  resize: ResizeMethod,
): Promise<(Picture | undefined)[]> {
  const found = await Promise.all(places.map(findPlaced));
  const sides = found.map((one) => Math.max(one?.height ?? 0, one?.width ?? 0));
  const side = Math.min(mostSide, Math.max(1, ...sides));
  const program = new ImageProgram(engine, side, resize);
  const encoding = side <= losslessSide ? lossless : lossy;
  const encoder = new ImageEncoder(engine, [side, side], encoding);
  const pictureOf = async ({ read, height, width }: PlacedImage): Promise<Picture> => {
    const bytes = await encoder.encode(levelsOf(await program.make(await read())));
    const base64 = Buffer.from(bytes).toString("base64");
    return { url: `data:image/${encoding.format};base64,${base64}`, width, height };
  };
  try {
    const pictures: (Picture | undefined)[] = [];
    for (const one of found) pictures.push(one && (await ifReadable(() => pictureOf(one))));
    return pictures;
  } finally {
    program.close();
    encoder.close();
  }
}
