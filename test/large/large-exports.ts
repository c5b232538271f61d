/**
 * Exports of R152x4 with 21,843 classes: made on the spot, of random weights. Not part of `npm test`: it
 * takes 9 GB of disk, 5 GB of memory, and some minutes. `npm run test:large`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { sizeOf } from "../../src/archive/shape.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { parameterCount } from "../../src/zoo/archive-size.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import type { ExportedLarge } from "./export-large.js";
import { largeClasses, largeModel } from "./load-archive.js";

const architecture = parseArchitecture(largeModel);
const parameterBytes = 4 * parameterCount(architecture, largeClasses);

/** Numbers from -1 to 1 without a pattern that a sum would see. Source: Numerical Recipes' generator. */
function fillRandom(values: Float32Array, { scale, mean }: { scale: number; mean: number }): void {
  let state = values.length;
  for (let i = 0; i < values.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    values[i] = mean + (scale * state) / 2 ** 31;
  }
}

function* arrays() {
  for (const { name, shape } of variableSpecs(architecture, largeClasses)) {
    const data = new Float32Array(sizeOf(shape));
    fillRandom(data, name.endsWith("/gamma") ? { scale: 0.3, mean: 1 } : { scale: 0.1, mean: 0 });
    yield { name, array: { shape, data } };
  }
}

/**
 * Of the weights in float32, as the engine keeps them whatever is stored. Writing and reading take 1.2; the
 * network's own logits, with which an export is compared, 2: the engine standardizes all kernels at once.
 */
const memoryBound = 2.1;

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;

test(`${largeModel} in other formats`, { timeout: 60 * 60_000 }, async (t) => {
  const folder = await temporaryFolder(t);
  const archive = join(folder, `${largeModel}.npz`);
  await writeNpz(archive, arrays());
  const child = fileURLToPath(new URL("./export-large.js", import.meta.url));
  for (const [format, type] of [
    ["onnx", "f32"],
    ["onnx", "f16"],
    ["savedmodel", "f32"],
    ["savedmodel", "f16"],
    ["tfjs", "f32"],
  ] as const) {
    await t.test(`${format}, ${type}`, async (t2) => {
      const out = join(folder, format);
      t2.after(() => rm(out, { recursive: true, force: true }));
      const args = [child, archive, format, out, type];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const report = JSON.parse(stdout) as ExportedLarge;
      const total = Object.values(report.sizes).reduce((sum, size) => sum + size, 0);
      const kept = parameterBytes / (type === "f16" ? 2 : 1);
      t2.diagnostic(
        `${gigabytes(total)}, ${(total / kept).toFixed(4)} of the weights; memory ` +
          `${gigabytes(report.peakBytes)}, ${(report.peakBytes / parameterBytes).toFixed(3)} of them; ` +
          `${report.ms} ms; logits off by ${report.largestDifference}; ${Object.keys(report.sizes).length} files`,
      );
      assert.ok(total <= 1.15 * kept, gigabytes(total));
      assert.ok(report.peakBytes <= memoryBound * parameterBytes, gigabytes(report.peakBytes));
    });
  }
});
