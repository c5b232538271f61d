/** One image at a time, from its file's bytes or its pixels to what a network is fed. */
import { DECODERS, type Decoder } from "../data/dataset.js";
import { type Engine, floats, integers, type Session, scalar } from "../engine/session.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { cast } from "../graph/ops.js";
import { defineDecoders } from "./decoders.js";
import { givesBytes } from "./example-functions.js";
import { decodeBytes, defineTurn, normalize } from "./image-functions.js";
import { resizeCrop, upright } from "./native-images.js";
import { defineResize, interpolated, resize } from "./resize-functions.js";
import type { ResizeMethod } from "./resize-method.js";

/** What a square image is made of. */
export type ImageSource =
  | {
      /** An image file's. */
      readonly bytes: Uint8Array;
      readonly decoder: Decoder;
      /** EXIF's 1 to 8. */
      readonly orientation: number;
    }
  | {
      /** uint8 `[height,width,3]` */
      readonly pixels: Uint8Array;
      readonly height: number;
      readonly width: number;
    };

/** Values `[side,side,3]`: bytes, or float32 in [-1, 1]. */
export type SquareImage =
  | { readonly type: "uint8"; readonly data: Uint8Array }
  | { readonly type: "float32"; readonly data: Float32Array };

/**
 * A session that decodes images and resizes them to a square, to the same values as `addPipeline`. Each
 * call is an image, so that what cannot be decoded is known, and stands in nobody's way.
 */
export class ImageProgram {
  private readonly session: Session;
  /** Of the values that it gives. */
  readonly type: "uint8" | "float32";

  /** @param side to which images are resized */
  constructor(
    { open, target }: Pick<Engine, "open" | "target">,
    side: number,
    method: ResizeMethod,
  ) {
    this.type = givesBytes({ target, method }) ? "uint8" : "float32";
    const builder = new GraphBuilder();
    defineDecoders(builder, target);
    const { host } = target.native;
    if (host) defineTurn(builder, "turned", upright);
    else defineResize(builder, "square", side);
    const square = (image: Output): Output => {
      if (this.type === "uint8") {
        const window = builder.ints([0, 0, 0]);
        // tfjs-node's binding gives no bytes on.
        return cast(builder, resizeCrop(builder, image, window, { side, crop: side }), "int32");
      }
      if (method === "tf") return normalize(builder, interpolated(builder, image, side));
      return normalize(builder, resize(builder, "square", image, side));
    };
    const bytes = builder.placeholder("bytes", "string", []);
    const decoder = builder.placeholder("decoder", "int32", []);
    const orientation = builder.placeholder("orientation", "int32", []);
    const inputs = { bytes, decoder, orientation };
    const decoded = decodeBytes(builder, inputs, host ? "turned" : undefined);
    builder.fetchable("decoded", square(decoded));
    builder.fetchable("resized", square(builder.placeholder("pixels", "uint8", [-1, -1, 3])));
    this.session = open(builder.build());
  }

  /** @throws SessionError where the image cannot be decoded */
  async make(image: ImageSource): Promise<SquareImage> {
    const [value] =
      "bytes" in image
        ? await this.session.run(
            {
              bytes: { type: "string", shape: [], data: [image.bytes] },
              decoder: scalar("int32", DECODERS.indexOf(image.decoder)),
              orientation: scalar("int32", image.orientation),
            },
            ["decoded"],
          )
        : await this.session.run(
            {
              pixels: {
                type: "uint8",
                shape: [image.height, image.width, 3],
                data: image.pixels,
              },
            },
            ["resized"],
          );
    return this.type === "uint8"
      ? { type: "uint8", data: Uint8Array.from(integers(value)) }
      : { type: "float32", data: floats(value) };
  }

  close(): void {
    this.session.close();
  }
}
