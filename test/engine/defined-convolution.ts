/** Convolutions and their gradients in float64, computed as they are defined. */
import * as tf from "@tensorflow/tfjs";
import type { ConvolutionCase } from "./tile-cases.js";

export function geometry({ x, kernel, stride, pad }: ConvolutionCase) {
  const info = tf.backend_util.computeConv2DInfo(x, kernel, stride, 1, pad);
  return { out: info.outShape, top: info.padInfo.top, left: info.padInfo.left };
}

/** Calls `visit` with the places in x `[N,H,W,I]`, y `[N,H,W,O]` and the kernel that meet each other. */
function meetings(c: ConvolutionCase, visit: (x: number, y: number, kernel: number) => void): void {
  const [n, h, w, ci] = c.x;
  const [kh, kw, , co] = c.kernel;
  const { out, top, left } = geometry(c);
  const [, oh, ow] = out;
  for (let image = 0; image < n; image++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++)
        for (let ky = 0; ky < kh; ky++)
          for (let kx = 0; kx < kw; kx++) {
            const [iy, ix] = [oy * c.stride + ky - top, ox * c.stride + kx - left];
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            const from = ((image * h + iy) * w + ix) * ci;
            visit(from, ((image * oh + oy) * ow + ox) * co, (ky * kw + kx) * ci * co);
          }
}

/** The convolution and its gradients by x and by the kernel. */
export function definition(
  c: ConvolutionCase,
  x: Float32Array,
  kernel: Float32Array,
  dy: Float32Array,
) {
  const [, , ci, co] = c.kernel;
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(kernel.length);
  meetings(c, (fromX, fromY, fromKernel) => {
    for (let i = 0; i < ci; i++)
      for (let o = 0; o < co; o++) {
        const k = fromKernel + i * co + o;
        y[fromY + o]! += x[fromX + i]! * kernel[k]!;
        dx[fromX + i]! += dy[fromY + o]! * kernel[k]!;
        dw[k]! += x[fromX + i]! * dy[fromY + o]!;
      }
  });
  return [y, dx, dw] as const;
}
