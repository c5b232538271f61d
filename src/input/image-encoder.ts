/** From pixels to the bytes of an image file. */
import type { Engine, HostTensor, Session } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import type { SquareImage } from "./image-program.js";

/** What is written: PNG with zlib's level of compression (default: its own), or JPEG of a quality up to 100. */
export type ImageEncoding =
  | { readonly format: "png"; readonly compression?: number }
  | { readonly format: "jpeg"; readonly quality: number };

/** A session that encodes images of one size, or of any. `close` it at the end. */
export class ImageEncoder {
  private readonly session: Session;

  constructor(
    { open }: Pick<Engine, "open">,
    private readonly size: readonly [height: number, width: number] | undefined,
    encoding: ImageEncoding,
  ) {
    const builder = new GraphBuilder();
    const pixels = builder.placeholder("pixels", "uint8", [...(size ?? [-1, -1]), 3]);
    builder.fetchable("encoded", encoded(builder, pixels, encoding));
    this.session = open(builder.build());
  }

  /**
   * @param levels uint8 `[height,width,3]`
   * @param size of this image, where the encoder takes any
   */
  async encode(levels: Uint8Array, size = this.size): Promise<Uint8Array> {
    if (size === undefined) throw new Error("an image without its size");
    const pixels: HostTensor = { type: "uint8", shape: [...size, 3], data: levels };
    const [value] = await this.session.run({ pixels }, ["encoded"]);
    if (value?.type !== "string") throw new Error(`expected bytes, fetched ${value?.type}`);
    return value.data[0]!;
  }

  close(): void {
    this.session.close();
  }
}

function encoded(builder: GraphBuilder, pixels: Output, encoding: ImageEncoding): Output {
  const spec = { type: "string", shape: [] } as const;
  if (encoding.format === "jpeg")
    return builder.one("EncodeJpeg", [pixels], { quality: attribute.int(encoding.quality) }, spec);
  const compression = attribute.int(encoding.compression ?? -1);
  return builder.one("EncodePng", [pixels], { T: attribute.type("uint8"), compression }, spec);
}

/** An image's levels, 0 to 255, of what a network is fed. */
export function levelsOf({ type, data }: SquareImage): Uint8Array {
  if (type === "uint8") return data;
  return Uint8Array.from(data, (value) => Math.round(value * 127.5 + 127.5));
}
