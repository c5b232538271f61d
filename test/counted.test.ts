/** Numbers of things in words. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { counted } from "../src/counted.js";
import { repositoryRoot } from "./fixture-path.js";

test("one is one, none and more are several", () => {
  assert.equal(counted(1, "step"), "1 step");
  assert.equal(counted(0, "step"), "0 steps");
  assert.equal(counted(2, "class", "classes"), "2 classes");
});

test("what a run says of its lengths and classes is counted", () => {
  const folder = join(repositoryRoot, "src", "run");
  const plain =
    /\$\{(warmup|steps|batch|epochs|classNames\.length|classes)\} (steps|images|epochs|classes)\b/;
  for (const file of readdirSync(folder).filter((name) => name.startsWith("describe-")))
    assert.doesNotMatch(readFileSync(join(folder, file), "utf8"), plain, file);
});
