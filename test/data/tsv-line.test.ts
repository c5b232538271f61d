/** Every cell of a table by tabs is one cell of one line, whatever files are called. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeSelection } from "../../src/data/few-shot.js";
import { tsvLine } from "../../src/data/tsv-line.js";

test("tabs, line ends and backslashes in names are escaped", () => {
  assert.equal(tsvLine(["a\nb.png", "tab\there", "x\\n\r"]), "a\\nb.png\ttab\\there\tx\\\\n\\r");
  const images = {
    kind: "files",
    paths: ["new\nline.png", "plain.png"],
    orientations: Uint8Array.from([1, 1]),
    decoders: ["jpeg-or-png", "jpeg-or-png"],
  } as const;
  const train = { images, labels: Int32Array.from([1, 0]) };
  assert.deepEqual(describeSelection({ train, classNames: ["cat", "a dog"] }), [
    "new\\nline.png\ta dog",
    "plain.png\tcat",
  ]);
});
