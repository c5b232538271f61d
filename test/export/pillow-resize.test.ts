/** Pillow's resize in plain operations against the engine's own, which is tested against Pillow itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { floats } from "../../src/engine/session.js";
import { pillowResized } from "../../src/export/savedmodel/pillow-resize.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { ImageProgram } from "../../src/input/image-program.js";
import { engine, open } from "../engine-for-tests.js";

const skip = !engine.target.native.host && "the engine has no operations of ours";

const sizes = [
  [1, 1],
  [7, 300],
  [48, 48],
  [47, 49],
  [333, 500],
  [1200, 31],
  [719, 1283],
] as const;

for (const side of [1, 48, 224])
  test(`bytes of ${side}x${side} equal Pillow's`, { skip }, async (t) => {
    const builder = new GraphBuilder();
    const image = builder.placeholder("image", "uint8", [-1, -1, 3]);
    builder.fetchable("resized", pillowResized(builder, image, side));
    const session = open(builder.build());
    const program = new ImageProgram(engine, side, "pillow");
    t.after(() => session.close());
    t.after(() => program.close());
    for (const [height, width] of sizes) {
      // Noise, and hard edges up to white.
      const pixels = Uint8Array.from({ length: height * width * 3 }, (_, i) =>
        i % 97 < 40 ? (i * 7919) % 256 : i % 11 < 5 ? 255 : 0,
      );
      const fed = { image: { type: "uint8", shape: [height, width, 3], data: pixels } } as const;
      const got = floats((await session.run(fed, ["resized"]))[0]);
      const { data } = await program.make({ pixels, height, width });
      assert.deepEqual(Uint8Array.from(got), data, `${height}x${width}`);
    }
  });
