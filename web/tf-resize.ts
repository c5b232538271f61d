/**
 * Resizes photos as `tf.image.resize` does by default: bilinear interpolation at half-pixel centers,
 * whether or not the photo shrinks, in float32.
 * Source: ResizeBilinear with half_pixel_centers in TensorFlow, and images compared with it
 * (test/fixtures/resize/tensorflow.json).
 */
import { forEachRow, type PixelSource } from "./pixel-source.js";

const { fround } = Math;

/** The two places of the photo between which each place of the result lies, and how far it is from the first. */
interface Axis {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly share: Float32Array;
}

function axis(from: number, to: number): Axis {
  const scale = fround(from / to);
  const at = Float32Array.from({ length: to }, (_, i) => fround(fround(i + 0.5) * scale) - 0.5);
  return {
    lower: Int32Array.from(at, (x) => Math.max(0, Math.floor(x))),
    upper: Int32Array.from(at, (x) => Math.min(from - 1, Math.ceil(x))),
    share: at.map((x) => x - Math.floor(x)),
  };
}

/** A photo squashed to `side` x `side`: grey levels, float32 `[side,side,3]`. */
export function tfResize(source: PixelSource, side: number): Float32Array {
  const across = axis(source.width, side);
  const down = axis(source.height, side);
  const values = 3 * side;
  const rows = new Map<number, Float32Array>();
  const result = new Float32Array(side * values);
  let next = 0;
  forEachRow(source, (y, pixels, at) => {
    if (next === side || down.lower[next]! > y) return;
    rows.set(y, resizedRow(pixels, at, across));
    for (; next < side && down.upper[next]! <= y; next++) {
      const top = rows.get(down.lower[next]!)!;
      const bottom = rows.get(down.upper[next]!)!;
      const share = down.share[next]!;
      const made = result.subarray(next * values, (next + 1) * values);
      for (let i = 0; i < values; i++) made[i] = between(top[i]!, bottom[i]!, share);
    }
    for (const known of rows.keys())
      if (next === side || known < down.lower[next]!) rows.delete(known);
  });
  return result;
}

function resizedRow(pixels: ArrayLike<number>, at: number, across: Axis): Float32Array {
  const { lower, upper, share } = across;
  const made = new Float32Array(3 * lower.length);
  for (let x = 0; x < lower.length; x++) {
    const [left, right] = [at + 4 * lower[x]!, at + 4 * upper[x]!];
    for (let channel = 0; channel < 3; channel++)
      made[3 * x + channel] = between(pixels[left + channel]!, pixels[right + channel]!, share[x]!);
  }
  return made;
}

function between(a: number, b: number, share: number): number {
  return fround(a + fround(fround(b - a) * share));
}
