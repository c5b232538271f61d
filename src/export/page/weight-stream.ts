/** Takes a model's weights from bytes that come in pieces. Free of Node, since browsers use it too. */
import { float16ToFloat32 } from "../../archive/float16.js";
import { sizeOf } from "../../archive/shape.js";
import type { GraphWeight } from "../inference-graph.js";
import { standardized } from "../standardize.js";

/** Who gets a weight, as the graph uses it: float32, row-major, standardized where the graph says so. */
export type TakeWeight = (weight: GraphWeight, values: Float32Array) => void;

/**
 * Puts weights together from pieces of their bytes: float16, little-endian, one weight behind the other,
 * as variables are before they are standardized. One weight is kept at a time.
 */
export class WeightStream {
  private index = 0;
  private filled = 0;
  private bytes: Uint8Array<ArrayBuffer>;

  constructor(
    private readonly weights: readonly GraphWeight[],
    private readonly take: TakeWeight,
  ) {
    this.bytes = this.emptyWeight();
  }

  /** @throws Error where there are more bytes than the weights have */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      if (this.index === this.weights.length) throw new Error("there are bytes behind the weights");
      const part = piece.subarray(at, at + this.bytes.length - this.filled);
      this.bytes.set(part, this.filled);
      this.filled += part.length;
      at += part.length;
      if (this.filled === this.bytes.length) this.finishWeight();
    }
  }

  /** @throws Error where bytes are missing */
  end(): void {
    if (this.index < this.weights.length)
      throw new Error(`the weights end within ${this.weights[this.index]!.name}`);
  }

  private finishWeight(): void {
    const weight = this.weights[this.index]!;
    const values = float16ToFloat32(new Uint16Array(this.bytes.buffer));
    const filters = weight.shape.at(-1)!;
    this.take(weight, weight.standardized ? standardized(values, filters) : values);
    this.index++;
    this.filled = 0;
    this.bytes = this.emptyWeight();
  }

  private emptyWeight(): Uint8Array<ArrayBuffer> {
    const weight = this.weights[this.index];
    return new Uint8Array(weight === undefined ? 0 : 2 * sizeOf(weight.shape));
  }
}

/** Bytes of all weights in float16. */
export function weightBytes(weights: readonly GraphWeight[]): number {
  return weights.reduce((sum, { shape }) => sum + 2 * sizeOf(shape), 0);
}
