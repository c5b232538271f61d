/**
 * A process of its own: prints the SHA-256 of the bits of convolutions, of their gradients, of the moments that they
 * make, and of a network's logits, a line each; on plain tiles, or given "vectors" in float32 by vectors.
 */
import { createHash } from "node:crypto";
import { networkLogits } from "./network-logits.js";
import { type Pass, runPass } from "./normalized-pass.js";
import {
  type ConvolutionCase,
  convolved,
  madeValues,
  normalizingFloat32,
  onPlainTiles,
} from "./tile-cases.js";

const byVectors = process.argv[2] === "vectors";
const target = byVectors ? normalizingFloat32 : onPlainTiles;
const how = byVectors ? ({ by: "vectors", type: "float32" } as const) : {};

// In several slices; in groups of output channels whose number depends on the threads; and in both, and
// packed in several parts.
const cases: ConvolutionCase[] = [
  { x: [4, 20, 20, 64], kernel: [3, 3, 64, 64], stride: 2, pad: "same" },
  { x: [1, 13, 11, 256], kernel: [3, 3, 256, 1024], stride: 2, pad: "valid" },
  { x: [2, 60, 60, 32], kernel: [3, 3, 32, 1024], stride: 2, pad: "valid" },
];

// Chunks of whole images, and of parts of one: of many rows where there are few threads, of a segment or two where
// there are many; read where they lie; and rows that are as long as a segment and longer.
const passes: Pass[] = [
  { x: [7, 5, 5, 64], kernel: [3, 3, 64, 64], stride: 1, pad: 1 },
  { x: [1, 50, 20, 64], kernel: [3, 3, 64, 128], stride: 2, pad: 1 },
  { x: [1, 48, 20, 256], kernel: [1, 1, 256, 64], stride: 1, pad: 0 },
  { x: [3, 16, 100, 32], kernel: [1, 1, 32, 32], stride: 1, pad: 0 },
];

const print = (values: Float32Array) => {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  console.log(createHash("sha256").update(bytes).digest("hex"));
};

for (const c of cases)
  for (const values of await convolved(target, c, madeValues(c))) print(values);

for (const pass of passes)
  for (const normalize of [undefined, "in the convolution"] as const) {
    const { y, mean, rstd, dw } = await runPass({
      ...pass,
      ...how,
      ...(normalize && { normalize }),
    });
    for (const values of [y, mean, rstd, dw]) print(values);
  }

// A whole network, fewer images than threads.
print(await networkLogits(target, [2, 80, 72]));
