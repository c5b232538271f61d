/** PNG files of grey images, written by TensorFlow. */
import type { Session } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { OpenSession } from "../../src/step/program.js";

// The best that deflate does; the bytes are the same each time.
const compression = 9;

/** Encodes grey images of one size. `close` it at the end. */
export class PngEncoder {
  private readonly session: Session;

  constructor(
    open: OpenSession,
    private readonly height: number,
    private readonly width: number,
  ) {
    const builder = new GraphBuilder();
    const pixels = builder.placeholder("pixels", "uint8", [height, width, 1]);
    const attrs = { T: attribute.type("uint8"), compression: attribute.int(compression) };
    const png = builder.one("EncodePng", [pixels], attrs, { type: "string", shape: [] });
    builder.fetchable("png", png);
    this.session = open(builder.build());
  }

  /** @param grey uint8 `[height, width]` */
  async encode(grey: Uint8Array): Promise<Uint8Array> {
    const shape = [this.height, this.width, 1];
    const pixels = { type: "uint8", shape, data: grey } as const;
    const [png] = await this.session.run({ pixels }, ["png"]);
    if (png?.type !== "string") throw new Error(`EncodePng gave ${png?.type}`);
    return png.data[0]!;
  }

  close(): void {
    this.session.close();
  }
}
