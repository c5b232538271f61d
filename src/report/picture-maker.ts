/** Small pictures of a dataset's images, for a report: as the network sees them, upright and square. */
import type { Split } from "../data/dataset.js";
import { readImageHeader } from "../data/files/image-header.js";
import { uprightSize } from "../data/files/readable-images.js";
import { EarlyEnd, openFile, readExactly } from "../disk/file-reading.js";
import { type Engine, type HostTensor, type Session, SessionError } from "../engine/session.js";
import { systemErrorCode } from "../errors.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { ImageProgram, type ImageSource, type SquareImage } from "../input/image-program.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { Picture } from "./report-data.js";

/** Side of a picture in pixels; smaller where all images are. */
const mostSide = 144;
/** Images of so few pixels are encoded without a loss, and shown as they are. */
const losslessSide = 64;
const jpegQuality = 85;

/** An image of a split. */
export interface Place {
  readonly split: Split;
  readonly index: number;
}

interface Found {
  readonly height: number;
  readonly width: number;
  /** Read when it is its turn: photos may have many megabytes. */
  read(): Promise<ImageSource>;
}

/**
 * Pictures of images, in their order; undefined for one that cannot be read or decoded any more.
 * @param resize as the run's own images are resized
 */
export async function makePictures(
  engine: Pick<Engine, "open" | "target">,
  places: readonly Place[],
  resize: ResizeMethod,
): Promise<(Picture | undefined)[]> {
  const found = await Promise.all(places.map(find));
  const sides = found.map((one) => Math.max(one?.height ?? 0, one?.width ?? 0));
  const side = Math.min(mostSide, Math.max(1, ...sides));
  const program = new ImageProgram(engine, side, resize);
  const encoder = new Encoder(engine, side);
  try {
    const pictures: (Picture | undefined)[] = [];
    for (const one of found) pictures.push(one && (await pictureOf(one, program, encoder)));
    return pictures;
  } finally {
    program.close();
    encoder.close();
  }
}

async function pictureOf(
  { read, height, width }: Found,
  program: ImageProgram,
  encoder: Encoder,
): Promise<Picture | undefined> {
  try {
    const levels = levelsOf(await program.make(await read()));
    return { url: await encoder.encode(levels), width, height };
  } catch (error) {
    const isImages = error instanceof SessionError || error instanceof EarlyEnd;
    if (isImages || systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}

function levelsOf(image: SquareImage): Uint8Array {
  if (image.type === "uint8") return image.data;
  return Uint8Array.from(image.data, (value) => Math.round(value * 127.5 + 127.5));
}

async function find({ split: { images }, index }: Place): Promise<Found | undefined> {
  if (images.kind === "pixels") {
    const { height, width } = images;
    const start = index * height * width * 3;
    const pixels = images.pixels.subarray(start, start + height * width * 3);
    return { height, width, read: async () => ({ pixels, height, width }) };
  }
  const path = images.paths[index]!;
  const { ranges } = images;
  const range = ranges && { offset: ranges.offsets[index]!, length: ranges.lengths[index]! };
  const header = await readImageHeader(path, range);
  if (header.kind !== "readable") return undefined;
  const [height, width] = uprightSize(header);
  const [decoder, orientation] = [images.decoders[index]!, images.orientations[index]!];
  const read = async () => ({ bytes: await readRange(path, range), decoder, orientation });
  return { height, width, read };
}

async function readRange(
  path: string,
  range: { readonly offset: number; readonly length: number } | undefined,
): Promise<Uint8Array> {
  const { handle, sizeBytes } = await openFile(path);
  try {
    const bytes = new Uint8Array(range?.length ?? sizeBytes);
    await readExactly(handle, bytes, range?.offset ?? 0);
    return bytes;
  } finally {
    await handle.close();
  }
}

/** A session that encodes squares of one side. */
class Encoder {
  private readonly session: Session;
  private readonly shape: readonly [number, number, 3];
  private readonly mime: string;

  constructor({ open }: Pick<Engine, "open">, side: number) {
    this.shape = [side, side, 3];
    const builder = new GraphBuilder();
    const pixels = builder.placeholder("pixels", "uint8", this.shape);
    const spec = { type: "string", shape: [] } as const;
    const lossless = side <= losslessSide;
    this.mime = lossless ? "image/png" : "image/jpeg";
    const encoded = lossless
      ? builder.one(
          "EncodePng",
          [pixels],
          { T: attribute.type("uint8"), compression: attribute.int(9) },
          spec,
        )
      : builder.one("EncodeJpeg", [pixels], { quality: attribute.int(jpegQuality) }, spec);
    builder.fetchable("encoded", encoded);
    this.session = open(builder.build());
  }

  /** @param levels uint8 `[side,side,3]` */
  async encode(levels: Uint8Array): Promise<string> {
    const fed: HostTensor = { type: "uint8", shape: [...this.shape], data: levels };
    const [value] = await this.session.run({ pixels: fed }, ["encoded"]);
    if (value?.type !== "string") throw new Error(`expected bytes, fetched ${value?.type}`);
    return `data:${this.mime};base64,${Buffer.from(value.data[0]!).toString("base64")}`;
  }

  close(): void {
    this.session.close();
  }
}
