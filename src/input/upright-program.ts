/** Images upright, as large as they are or smaller, in their own shape: for people to look at. */
import { DECODERS } from "../data/dataset.js";
import { type Engine, floats, type Session, scalar } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { defineDecoders } from "./decoders.js";
import { decodeBytes, defineTurn } from "./image-functions.js";
import type { ImageSource } from "./image-program.js";
import { upright } from "./native-images.js";

/** A session that decodes images, and makes larger ones smaller by the means of areas. `close` it at the end. */
export class UprightProgram {
  private readonly session: Session;

  constructor({ open, target }: Pick<Engine, "open" | "target">) {
    const builder = new GraphBuilder();
    defineDecoders(builder, target);
    const { host } = target.native;
    if (host) defineTurn(builder, "turned", upright);
    const bytes = builder.placeholder("bytes", "string", []);
    const decoder = builder.placeholder("decoder", "int32", []);
    const orientation = builder.placeholder("orientation", "int32", []);
    const size = builder.placeholder("size", "int32", [2]);
    const image = decodeBytes(
      builder,
      { bytes, decoder, orientation },
      host ? "turned" : undefined,
    );
    const batch = builder.one(
      "ExpandDims",
      [image, builder.ints(0)],
      { T: attribute.type("uint8"), Tdim: attribute.type("int32") },
      { type: "uint8", shape: [1, -1, -1, 3] },
    );
    const resized = builder.one(
      "ResizeArea",
      [batch, size],
      { T: attribute.type("uint8"), align_corners: attribute.bool(false) },
      { type: "float32", shape: [1, -1, -1, 3] },
    );
    builder.fetchable("upright", resized);
    this.session = open(builder.build());
  }

  /**
   * @param size of what is made; where it is the upright image's own, its pixels are as they were
   * @returns uint8 `[height,width,3]`
   * @throws SessionError where the image cannot be decoded
   */
  async make(
    image: Extract<ImageSource, { bytes: Uint8Array }>,
    [height, width]: readonly [height: number, width: number],
  ): Promise<Uint8Array> {
    const [value] = await this.session.run(
      {
        bytes: { type: "string", shape: [], data: [image.bytes] },
        decoder: scalar("int32", DECODERS.indexOf(image.decoder)),
        orientation: scalar("int32", image.orientation),
        size: { type: "int32", shape: [2], data: Int32Array.of(height, width) },
      },
      ["upright"],
    );
    return Uint8Array.from(floats(value), Math.round);
  }

  close(): void {
    this.session.close();
  }
}
