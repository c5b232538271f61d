/** A process of its own for tiles.test.ts: prints the SHA-256 of convolutions' and gradients' bits, a line each. */
import { createHash } from "node:crypto";
import { type ConvolutionCase, convolved, madeValues, onPlainTiles } from "./tile-cases.js";

// In several slices; in groups of output channels whose number depends on the threads; and in both, and
// packed in several parts.
const cases: ConvolutionCase[] = [
  { x: [4, 20, 20, 64], kernel: [3, 3, 64, 64], stride: 2, pad: "same" },
  { x: [1, 13, 11, 256], kernel: [3, 3, 256, 1024], stride: 2, pad: "valid" },
  { x: [2, 60, 60, 32], kernel: [3, 3, 32, 1024], stride: 2, pad: "valid" },
];

for (const c of cases) {
  for (const values of await convolved(onPlainTiles, c, madeValues(c)))
    console.log(createHash("sha256").update(new Uint8Array(values.buffer)).digest("hex"));
}
