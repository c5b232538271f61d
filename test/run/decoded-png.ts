/** The pixels of a PNG, as TensorFlow reads them. */
import { integers } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { cast } from "../../src/graph/ops.js";
import { engine } from "../engine-for-tests.js";

/** Levels `[height,width,3]`. */
export async function decodedPng(png: Uint8Array): Promise<Int32Array> {
  const builder = new GraphBuilder();
  const bytes = builder.placeholder("bytes", "string", []);
  const attrs = { channels: attribute.int(3), dtype: attribute.type("uint8") };
  const pixels = builder.one("DecodePng", [bytes], attrs, { type: "uint8", shape: [-1, -1, 3] });
  builder.fetchable("pixels", cast(builder, pixels, "int32"));
  const session = engine.open(builder.build());
  try {
    const [value] = await session.run({ bytes: { type: "string", shape: [], data: [png] } }, [
      "pixels",
    ]);
    return integers(value);
  } finally {
    session.close();
  }
}
