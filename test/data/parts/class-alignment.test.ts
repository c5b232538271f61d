import assert from "node:assert/strict";
import { test } from "node:test";
import { alignClasses, alike } from "../../../src/data/parts/class-alignment.js";

test("classes are found by name, whatever their order", () => {
  const known = Array.from({ length: 12 }, (_, i) => String(i));
  const folders = [...known].sort();
  assert.deepEqual(folders.slice(0, 4), ["0", "1", "10", "11"]);
  const found = alignClasses(folders, known);
  assert.ok("indexOf" in found);
  assert.deepEqual(
    [...found.indexOf],
    folders.map((name) => Number(name)),
  );
});

test("WordNet ids count, not the words behind them; other spellings only where they leave no doubt", () => {
  const known = ["n01440764 tench, Tinca tinca", "n01443537 goldfish"];
  assert.deepEqual(alignClasses(["n01443537", "n01440764 tench"], known), {
    indexOf: Int32Array.of(1, 0),
    respelled: [],
  });
  assert.deepEqual(alignClasses(["american bulldog", "Bengal"], ["Bengal", "american_bulldog"]), {
    indexOf: Int32Array.of(1, 0),
    respelled: [["american bulldog", "american_bulldog"]],
  });
  assert.deepEqual(alignClasses(["CAT"], ["cat", "Cat"]), { strangers: ["CAT"] });
  assert.deepEqual(alignClasses(["cat", "Cat"], ["cat", "dog"]), { strangers: ["Cat"] });
  assert.deepEqual(alignClasses(["1", "01"], ["0", "1"]), { strangers: ["01"] });
  assert.deepEqual(alignClasses(["zebra", "cat"], ["cat"]), { strangers: ["zebra"] });
});

test("names that hardly differ are found", () => {
  assert.deepEqual(alike(["1", "cat", "01", "Cat", "dog", "a_b", "a b", "10", "010", "100"]), [
    ["1", "01"],
    ["cat", "Cat"],
    ["a_b", "a b"],
    ["10", "010"],
  ]);
});
