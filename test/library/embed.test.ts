/** Features against features.json: float64 results of the PyTorch model in bench/torch. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { imageValues, variableValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

const { cases } = JSON.parse(readFileSync(fixturePath("features.json"), "utf8")) as {
  readonly cases: readonly {
    readonly model: string;
    readonly n: number;
    readonly h: number;
    readonly w: number;
    /** The first of each image. */
    readonly first: readonly (readonly number[])[];
    /** Root of the sum of squares of all of each image. */
    readonly norms: readonly number[];
  }[];
};

/**
 * Absolute, of features of up to 2: ten times what they were apart, since processors add in different
 * orders. bfloat16 keeps 8 bits of every value on the way, float16 11.
 */
const tolerances = { fp32: 1e-4, fp16: 0.04, bf16: 0.2 } as const;

for (const { model: name, n, h, w, first, norms } of cases) {
  test(`features of ${name}, ${h} x ${w}`, async (t) => {
    const weights = join(await temporaryFolder(t), `Golden-${name}.npz`);
    const specs = variableSpecs(parseArchitecture(name), 10);
    const arrays = specs.map((spec) => {
      return { name: spec.name, array: { shape: spec.shape, data: variableValues(spec) } };
    });
    await writeNpz(weights, arrays);
    for (const [precision, tolerance] of Object.entries(tolerances)) {
      if (precision !== "fp32" && name !== "R14x1") continue;
      await using model = await loadModel(weights, {
        engine,
        precision: precision as keyof typeof tolerances,
      });
      const images = { data: imageValues(n, h, w), shape: [n, h, w, 3] };
      const { features, shape } = await model.embed(images);
      assert.deepEqual(shape, [n, 2048]);
      let worst = 0;
      for (const [i, row] of first.entries()) {
        const all = features.subarray(i * 2048, (i + 1) * 2048);
        for (const [c, wanted] of row.entries())
          worst = Math.max(worst, Math.abs(all[c]! - wanted));
        const norm = Math.sqrt(all.reduce((sum, x) => sum + x * x, 0));
        assert.ok(Math.abs(norm / norms[i]! - 1) < tolerance, `${precision}: norm ${norm}`);
      }
      t.diagnostic(`${precision}: at most ${worst.toExponential(1)} apart`);
      assert.ok(worst < tolerance, `${precision}: ${worst} apart`);
    }
  });
}
