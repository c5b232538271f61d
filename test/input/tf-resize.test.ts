/** `resize: "tf"` against tf.image.resize of TensorFlow's Python package. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { engine, targetWith } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { batches, fileSplit, openPipeline, takeBatches } from "./batches.js";

const ways = engine.target.native.host ? [false, true] : [false];

const cases = JSON.parse(
  readFileSync(fixturePath("resize", "tensorflow.json"), "utf8"),
) as readonly { height: number; width: number; side: number; levels: readonly number[] }[];

/** As `noise` in scripts/make-tf-resize-fixture.py. */
function noise(height: number, width: number): Split {
  const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    return Number(((BigInt(i) * 2654435761n) % 2n ** 32n) >> 24n);
  });
  return { images: { kind: "pixels", pixels, height, width }, labels: Int32Array.of(0) };
}

for (const kernels of ways) {
  const way = kernels ? ", with kernels" : "";
  for (const { height, width, side, levels } of cases) {
    test(`${height}x${width} to ${side} is what TensorFlow makes of it${way}`, async () => {
      const options = {
        batch: 1,
        resizeTo: side,
        resize: "tf",
        target: targetWith(kernels),
      } as const;
      const [made] = await batches(engine.open, noise(height, width), options, [0]);
      const stride = Math.max(1, Math.floor(made!.levels.length / 500));
      const worst = Math.max(...levels.map((x, i) => Math.abs(x - made!.levels[i * stride]!)));
      // The fixture has three decimals; the levels went to [-1, 1] and back in float32.
      assert.ok(worst < 1e-3, `${worst} grey levels`);
    });
  }
}

test("a cache keeps what TensorFlow's resize needs: the whole image", {
  skip: engine.target.native.host ? false : "the engine has no operations of native/kernels/",
}, async () => {
  const split = fileSplit(["colour.bmp"]);
  const options = { batch: 1, resizeTo: 20, resize: "tf", target: engine.target } as const;
  const [plain] = await batches(engine.open, split, options, [0]);
  const opened = await openPipeline(engine.open, split, { ...options, cacheBytes: 1e6 });
  try {
    for (const time of ["first", "second"]) {
      const [cached] = await takeBatches(opened, 1, [0]);
      assert.deepEqual(cached!.values, plain!.values, time);
    }
  } finally {
    opened.session.close();
  }
});
