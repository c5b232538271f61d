/** Inner products of many vectors with many others, as a graph. */

import type { Session } from "../engine/session.js";
import { floats } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { OpenSession } from "./program.js";

/** Vectors at a time, of which graphs have one size. */
export interface SimilarityShape {
  readonly rows: number;
  readonly columns: number;
  /** Numbers of a vector. */
  readonly channels: number;
}

/** A session that multiplies. `close` it when done. */
export class Similarities {
  private readonly session: Session;

  constructor(
    open: OpenSession,
    readonly shape: SimilarityShape,
  ) {
    const { rows, columns, channels } = shape;
    const builder = new GraphBuilder();
    const a = builder.placeholder("a", "float32", [rows, channels]);
    const b = builder.placeholder("b", "float32", [columns, channels]);
    const attrs = {
      T: attribute.type("float32"),
      adj_x: attribute.bool(false),
      adj_y: attribute.bool(true),
    };
    const product = { type: "float32", shape: [rows, columns] } as const;
    builder.fetchable("similarities", builder.one("BatchMatMulV2", [a, b], attrs, product));
    this.session = open(builder.build());
  }

  /**
   * `[rows, columns]`, of `a` `[rows, channels]` and `b` `[columns, channels]`.
   * @throws SessionError
   */
  async of(a: Float32Array, b: Float32Array): Promise<Float32Array> {
    const { rows, columns, channels } = this.shape;
    const feeds = {
      a: { type: "float32", shape: [rows, channels], data: a },
      b: { type: "float32", shape: [columns, channels], data: b },
    } as const;
    const [product] = await this.session.run(feeds, ["similarities"]);
    return floats(product);
  }

  close(): void {
    this.session.close();
  }
}
