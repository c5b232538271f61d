/** Ranks that are waited for, in few words however many they are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ranksText } from "../../src/ranks/ranks-text.js";

test("neighbours are named as a stretch, and of many only some", () => {
  const from = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i);
  const odd = from(0, 63).filter((rank) => rank % 2 === 1);
  const texts: readonly (readonly [readonly number[], string])[] = [
    [[1], "rank 1"],
    [[1, 2], "ranks 1 and 2"],
    [[1, 3], "ranks 1 and 3"],
    [from(1, 63), "ranks 1 to 63"],
    [[1, ...from(3, 5), 9], "ranks 1, 3 to 5 and 9"],
    [[...from(1, 2), ...from(4, 9)], "ranks 1, 2 and 4 to 9"],
    [odd, "32 ranks, as 1, 3, 5, 7 and 9,"],
  ];
  for (const [ranks, text] of texts) assert.equal(ranksText(ranks), text);
  assert.equal(ranksText(from(1, 4095)), "ranks 1 to 4095");
});
