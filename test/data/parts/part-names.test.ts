import assert from "node:assert/strict";
import { test } from "node:test";
import { partFolders, partOfName, partOfWord } from "../../../src/data/parts/part-names.js";

test("the words of Keras, Kaggle, Hugging Face and TensorFlow Datasets, in any case", () => {
  for (const [part, words] of Object.entries({
    train: "train TRAIN Training training",
    val: "val Val VALID validation dev",
    test: "test Testing TEST eval evaluation",
  }))
    for (const word of words.split(" ")) assert.equal(partOfWord(word), part, word);
  assert.equal(partOfWord("trainer"), undefined);
  assert.equal(partOfName("val_set-train.tfrecord-00000-of-00001"), "train");
  assert.equal(partOfName("steam-train-photos"), "train");
  assert.equal(partOfName("retraining"), undefined);
});

test("which sibling folders are parts, and which are classes", () => {
  const parts = (names: string) => Object.fromEntries(partFolders(names.split(" ")));
  for (const [names, expected] of [
    ["train test", { train: "train", test: "test" }],
    ["Train Test", { Train: "train", Test: "test" }],
    ["TRAIN VAL", { TRAIN: "train", VAL: "val" }],
    ["training testing", { training: "train", testing: "test" }],
    ["Training Validation", { Training: "train", Validation: "val" }],
    ["training_set test_set", { training_set: "train", test_set: "test" }],
    ["seg_train seg_test seg_pred", { seg_train: "train", seg_test: "test" }],
    ["train dev", { train: "train", dev: "val" }],
    ["train eval", { train: "train", eval: "test" }],
    ["train evaluation", { train: "train", evaluation: "test" }],
    ["train2017 val2017 annotations", { train2017: "train", val2017: "val" }],
    ["TrainImages TestImages", { TrainImages: "train", TestImages: "test" }],
    ["flowers_train flowers_valid", { flowers_train: "train", flowers_valid: "val" }],
    // Classes, all of these.
    ["train_station bus_station", {}],
    ["steam_train tram", {}],
    ["test_tube beaker", {}],
    ["cat dog", {}],
  ] as const)
    assert.deepEqual(parts(names), expected, names);
  assert.deepEqual(
    [...partFolders(["valid", "val", "validation"]).keys()],
    ["val", "validation", "valid"],
  );
});
