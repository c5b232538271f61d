/** Decodes an image by itself, for tests. */
import { DECODERS, type Decoder } from "../../src/data/dataset.js";
import { type HostTensor, integers, scalar } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { defineDecoders } from "../../src/input/decoders.js";
import { decodeFile, defineTurn } from "../../src/input/image-functions.js";
import { upright } from "../../src/input/native-images.js";
import type { OpenSession } from "../../src/step/program.js";
import { targetWith } from "../engine-for-tests.js";

export interface Decoded {
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]` */
  readonly pixels: Uint8Array;
}

/**
 * Opens what decodes files, upright.
 * @param kernels whether they are turned by native/kernels/
 */
export function openDecoder(open: OpenSession, kernels: boolean) {
  const builder = new GraphBuilder();
  defineDecoders(builder, targetWith(kernels));
  if (kernels) defineTurn(builder, "turned", upright);
  const inputs = {
    path: builder.placeholder("path", "string", []),
    decoder: builder.placeholder("decoder", "int32", []),
    orientation: builder.placeholder("orientation", "int32", []),
  };
  const image = decodeFile(builder, inputs, kernels ? "turned" : undefined);
  const int32 = attribute.type("int32");
  const cast = { SrcT: attribute.type("uint8"), DstT: int32, Truncate: attribute.bool(false) };
  builder.fetchable("pixels", builder.one("Cast", [image], cast, { type: "int32" }));
  const session = open(builder.build());
  const decode = async (path: string, decoder: Decoder, orientation = 1): Promise<Decoded> => {
    const feeds: Record<string, HostTensor> = {
      path: { type: "string", shape: [], data: [new TextEncoder().encode(path)] },
      decoder: scalar("int32", DECODERS.indexOf(decoder)),
      orientation: scalar("int32", orientation),
    };
    const [value] = await session.run(feeds, ["pixels"]);
    const [height, width] = value!.shape as [number, number];
    return { height, width, pixels: Uint8Array.from(integers(value)) };
  };
  return { decode, close: () => session.close() };
}
