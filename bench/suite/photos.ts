/**
 * Photographs made up for the input pipeline: smooth shades, objects with edges, texture and mild
 * noise, so that decoding them costs what decoding a camera's JPEG of quality 90 does.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OpenedEngine } from "../../src/engine/open.js";
import type { HostTensor } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { makeFolder } from "./made-data.js";

export interface PhotoSet {
  readonly width: number;
  readonly height: number;
  /** Files to train on, in four classes. */
  readonly count: number;
  /**
   * Files to evaluate on. Where it is given, classes differ in their balance of colours; else four are held out,
   * and nothing tells a class.
   */
  readonly heldOut?: number;
}

const classes = 4;

/** What is added to each channel where there is no object, by class where classes are to differ. */
const tones = [
  [0, 12, 24],
  [24, 12, 0],
  [12, 24, 0],
  [0, 24, 12],
] as const;

/** Makes `train/<class>/*.jpg` and `val/<class>/*.jpg` under `folder`, unless it is there. */
export function makePhotos(engine: OpenedEngine, folder: string, set: PhotoSet): Promise<void> {
  const { width, height, count, heldOut } = set;
  return makeFolder(folder, async (unfinished) => {
    const builder = new GraphBuilder();
    const pixels = builder.placeholder("pixels", "uint8", [height, width, 3]);
    builder.fetchable("jpeg", encoded(builder, pixels));
    const session = engine.open(builder.build());
    try {
      for (let i = 0; i < count + (heldOut ?? classes); i++) {
        const part = i < count ? "train" : "val";
        const inside = join(unfinished, part, `class${i % classes}`);
        await mkdir(inside, { recursive: true });
        const tone = tones[heldOut === undefined ? 0 : i % classes]!;
        const photo = photoPixels(width, height, i, tone);
        const [jpeg] = await session.run({ pixels: photo }, ["jpeg"]);
        if (jpeg?.type !== "string") throw new Error(`a JPEG came as ${jpeg?.type}`);
        await writeFile(
          join(inside, `${String(i).padStart(heldOut === undefined ? 3 : 4, "0")}.jpg`),
          jpeg.data[0]!,
        );
      }
    } finally {
      session.close();
    }
  });
}

function encoded(builder: GraphBuilder, pixels: ReturnType<GraphBuilder["placeholder"]>) {
  const attrs = {
    format: attribute.string("rgb"),
    quality: attribute.int(90),
    progressive: attribute.bool(false),
    optimize_size: attribute.bool(false),
    chroma_downsampling: attribute.bool(true),
    density_unit: attribute.string("in"),
    x_density: attribute.int(300),
    y_density: attribute.int(300),
    xmp_metadata: attribute.string(""),
  };
  return builder.one("EncodeJpeg", [pixels], attrs, { type: "string", shape: [] });
}

/** uint8 `[height,width,3]`, the same for the same seed. */
function photoPixels(
  width: number,
  height: number,
  seed: number,
  tone: readonly number[],
): HostTensor {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  // Numerical Recipes' generator, uniform in [0, 1).
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const scale = Math.max(width, height);
  const waves = Array.from({ length: 3 }, () => [4 * random(), 4 * random(), 6.3 * random()]);
  const objects = Array.from({ length: 12 }, () => ({
    x: random() * width,
    y: random() * height,
    radius: (0.04 + 0.12 * random()) * scale,
    shade: [0, 1, 2].map(() => 120 * random() - 60),
    texture: 0.3 + 1.2 * random(),
    roughness: 50 * random(),
  }));
  const data = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    const near = objects.filter((object) => Math.abs(object.y - y) < object.radius);
    for (let x = 0; x < width; x++, at += 3) {
      let shade = 128;
      for (const [fx, fy, phase] of waves)
        shade += 24 * Math.sin((fx! * x) / scale + (fy! * y) / scale + phase!);
      const object = near.find((one) => (one.x - x) ** 2 + (one.y - y) ** 2 < one.radius ** 2);
      if (object !== undefined)
        shade += object.roughness * Math.sin(object.texture * x) * Math.sin(object.texture * y);
      for (let c = 0; c < 3; c++) {
        const noise = 24 * (random() - 0.5);
        const value = shade + (object?.shade[c] ?? tone[c]!) + noise;
        data[at + c] = Math.min(255, Math.max(0, value));
      }
    }
  }
  return { type: "uint8", shape: [height, width, 3], data };
}
