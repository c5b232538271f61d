import assert from "node:assert/strict";
import { test } from "node:test";
import { growthLines, growthSubjects, products } from "../../bench/suite/growth.js";
import { fitLine } from "../../bench/suite/linear-fit.js";
import type { Outcome } from "../../bench/suite/report.js";
import { quickSizes } from "../../bench/suite/sizes.js";

test("a line through points on a line, and the deviation of one beside it", () => {
  const exact = fitLine([1, 2, 5].map((x) => [x, 3 + 2 * x] as const));
  // Sums of a few numbers of like size: rounding stays near 1e-16.
  assert.ok(Math.abs(exact.constant - 3) < 1e-12 && Math.abs(exact.slope - 2) < 1e-12);
  assert.ok(exact.largestDeviation < 1e-12);

  // numpy.polyfit([1, 2, 3], [1, 2, 4], 1, w=1 / numpy.array([1, 2, 4])), printed to 12 places.
  const { slope, constant, largestDeviation } = fitLine([
    [1, 1],
    [2, 2],
    [3, 4],
  ]);
  assert.ok(Math.abs(slope - 1.272727272727) < 1e-9, `${slope}`);
  assert.ok(Math.abs(constant + 0.30303030303) < 1e-9, `${constant}`);
  assert.ok(Math.abs(largestDeviation - Math.abs(constant + 2 * slope - 2) / 2) < 1e-12);
  assert.throws(() => fitLine([[1, 1]]), RangeError);
});

test("products of a forward pass are those of the published models", () => {
  // He et al. give 3.8e9 to 4.1e9 for ResNet-50 at 224 pixels: here stride 2 is on the 3x3 kernels,
  // which torchvision counts as 4.09e9, with 1000 classes; R50x3 has about 9 times as many.
  const small = products("R50x1", 224, 1000);
  assert.ok(Math.abs(small / 4.09e9 - 1) < 0.01, `${small}`);
  assert.ok(Math.abs(products("R50x3", 224, 1000) / small - 8.9) < 0.2);
});

test("growth tables say the line and how far off it is", () => {
  // A step takes 100 ms and 10 ms for each image; sizes are tiny, so all else is equal.
  const found = growthSubjects(quickSizes, "").map(({ id }, i): [string, Outcome[]] => {
    const report = { steps_ms: [i === 1 ? 140 : 120], batch: 2, peak_rss_bytes: 5e8 };
    return [id, [report]];
  });
  const lines = growthLines(quickSizes, new Map(found));
  assert.deepEqual(lines.slice(0, 9), [
    "",
    "### Batch: R14x0.5, 32 x 32 pixels",
    "",
    "|         | images | median ms | min to max | peak GB |",
    "| ------- | -----: | --------: | ---------: | ------: |",
    "| batch 2 |      2 |       120 | 120 to 120 |    0.50 |",
    "| batch 4 |      4 |       140 | 140 to 140 |    0.50 |",
    "",
    "- A step takes 100 ms + 10 ms for each image, off by at most 0 %.",
  ]);
  assert.equal(lines.filter((line) => line.startsWith("- The peak of memory is 500 MB")).length, 3);
});
