/** Images that cannot fit the memory are refused, before the engine tries or after. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionError } from "../../src/engine/session.js";
import { parseArchitecture } from "../../src/model/architecture.js";
import { outOfMemory, requireMemory } from "../../src/run/image-memory.js";
import { evalBytesPerImage } from "../../src/step/memory.js";

const trained = { model: "BiT-M-R50x1", architecture: parseArchitecture("R50x1") };
const refused = (size: number, batch: number) => () =>
  requireMemory(trained, { size: [size, size], batch }, "float32", 24e9);

test("what needs more than is free is refused with the flag that helps", () => {
  assert.throws(refused(50_000, 1), {
    name: "UserError",
    got: "an image of 50000 x 50000 does not fit the memory",
    nextStep: /--crop.*--size/,
  });
  assert.throws(refused(480, 10_000), {
    name: "UserError",
    got: "10000 images of 480 x 480 at a time do not fit the memory",
    nextStep: "give a smaller --batch",
  });
  assert.doesNotThrow(refused(480, 32));
  assert.doesNotThrow(refused(4000, 1));
});

test("the estimate is of the pixels and the first convolution", () => {
  // 224 x 224 pixels as bytes and float32; twice 112 x 112 x 64 values of 4 bytes.
  const pixels = 224 * 224 * 3;
  assert.equal(evalBytesPerImage(trained.architecture, 224), 5 * pixels + 2 * 112 * 112 * 64 * 4);
});

test("an engine that runs out of memory is no bug", () => {
  const images = { size: [480, 480], batch: 64 } as const;
  const error = new SessionError("OOM when allocating tensor with shape[64,480,480,3]");
  assert.equal(outOfMemory(error, trained, images)?.nextStep, "give a smaller --batch");
  assert.equal(outOfMemory(new SessionError("invalid JPEG"), trained, images), undefined);
  assert.equal(outOfMemory(new Error("out of memory"), trained, images), undefined);
});
