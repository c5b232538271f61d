/**
 * Two photos and their logits, by which every export is verified: when it is made, and wherever a copy
 * of it is. Photos, since a network's logits of a black image hang on rounding.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readImageHeader } from "../data/files/image-header.js";
import { type Engine, type HostTensor, integers } from "../engine/session.js";
import { UserError } from "../errors.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { ImageEncoder, levelsOf } from "../input/image-encoder.js";
import { ImageProgram } from "../input/image-program.js";
import { packageRoot } from "../package-root.js";
import { goldenName } from "../record/export-folder.js";
import { readJson, writeJson } from "../record/versioned-json.js";
import { exportFormats } from "../settings/choices.js";
import { copyAgain, damagedExport } from "./damaged-export.js";
import type { ImagePreparation } from "./export-model.js";
import type { ImageShape } from "./format.js";

const photos = ["cat", "coffee"] as const;

/** How far an export's logits may be from ours, as a share of their spread. */
export const tolerances = { f32: 1e-4, f16: 5e-2 } as const;

const within = z
  .string()
  .refine((name) => !name.split("/").includes("..") && !name.startsWith("/"), {
    error: "lies outside of the folder",
  });

const goldenSchema = z.object({
  /** The version that wrote it. */
  bitTrain: z.string(),
  format: z.enum(exportFormats),
  model: z.string(),
  classes: z.int().positive(),
  size: z.int().positive(),
  /** Whether weights are stored in float16. */
  f16: z.boolean(),
  /**
   * How far logits may be off, as a share of their spread: the largest less the smallest of an image's.
   */
  tolerance: z.number().positive().max(tolerances.f16),
  /** What the reading of the export gave when it was made, in the same measure. */
  largestDifference: z.number(),
  images: z
    .array(
      z.object({
        /** A PNG of size x size; the network takes (level - 127.5) / 127.5. */
        file: z.string(),
        logits: z.array(z.number()),
      }),
    )
    .min(1),
  files: z.array(z.object({ name: within, bytes: z.int(), sha256: z.string() })).min(1),
});

/** What `golden.json` says. */
export type Golden = z.infer<typeof goldenSchema>;

/** Images as a network takes them, `[N,size,size,3]` in [-1, 1]. */
export interface GoldenImages {
  readonly files: readonly string[];
  readonly images: Float32Array;
  readonly shape: ImageShape;
}

/**
 * Makes the golden images of a size, writes them into a folder, and reads them back.
 */
export async function writeGoldenImages(
  folder: string,
  { size, resize }: ImagePreparation,
  engine: Engine,
): Promise<GoldenImages> {
  const program = new ImageProgram(engine, size, resize);
  const encoder = new ImageEncoder(engine, [size, size], { format: "png" });
  const files: string[] = [];
  try {
    for (const photo of photos) {
      const path = join(packageRoot, "sample", "golden", `${photo}.jpg`);
      const header = await readImageHeader(path);
      if (header.kind !== "readable") throw new Error(`${path} is ${header.kind}`);
      const { decoder, orientation } = header;
      const made = await program.make({ bytes: await readFile(path), decoder, orientation });
      const file = `golden-${photo}.png`;
      await writeFile(join(folder, file), await encoder.encode(levelsOf(made)));
      files.push(file);
    }
  } finally {
    program.close();
    encoder.close();
  }
  return readGoldenImages(folder, files, size, engine);
}

/**
 * Reads golden images.
 * @throws UserError where one is missing or is not of that size
 */
export async function readGoldenImages(
  folder: string,
  files: readonly string[],
  size: number,
  engine: Engine,
): Promise<GoldenImages> {
  const builder = new GraphBuilder();
  const bytes = builder.placeholder("bytes", "string", []);
  const attrs = { channels: attribute.int(3), dtype: attribute.type("uint8") };
  const shape = [-1, -1, 3];
  const decoded = builder.one("DecodePng", [bytes], attrs, { type: "uint8", shape });
  const cast = { SrcT: attribute.type("uint8"), DstT: attribute.type("int32") };
  builder.fetchable("pixels", builder.one("Cast", [decoded], cast, { type: "int32", shape }));
  const session = engine.open(builder.build());
  const images = new Float32Array(files.length * size * size * 3);
  try {
    for (const [i, file] of files.entries()) {
      const path = join(folder, file);
      const encoded = await readFile(path);
      const fed: HostTensor = { type: "string", shape: [], data: [encoded] };
      const [value] = await session.run({ bytes: fed }, ["pixels"]);
      const levels = integers(value);
      if (levels.length !== size * size * 3)
        throw damagedExport(path, "is not of the export's size");
      images.set(
        Float32Array.from(levels, (level) => (level - 127.5) / 127.5),
        i * levels.length,
      );
    }
  } finally {
    session.close();
  }
  return { files, images, shape: [files.length, size, size, 3] };
}

/** Writes `golden.json`. */
export async function writeGolden(folder: string, golden: Golden): Promise<void> {
  await writeJson(join(folder, goldenName), golden);
}

/**
 * Reads an export's `golden.json`.
 * @throws UserError where the folder has none, or a damaged one
 */
export async function readGolden(folder: string): Promise<Golden> {
  const path = join(folder, goldenName);
  const value = await readJson(path, undefined, copyAgain);
  if (value === undefined)
    throw new UserError(
      folder,
      `is no export: ${goldenName} is not in it`,
      "a folder that bit-export wrote",
      "give the folder itself, or export again",
    );
  const parsed = goldenSchema.safeParse(value);
  if (parsed.success) return consistent(path, parsed.data);
  const [issue] = parsed.error.issues;
  throw damagedExport(path, `${issue!.path.join(".")}: ${issue!.message}`);
}

/** What it says of itself, where that agrees: otherwise less would be compared than is promised. */
function consistent(path: string, golden: Golden): Golden {
  const files = new Set(golden.files.map(({ name }) => name));
  for (const { file, logits } of golden.images) {
    if (!files.has(file)) throw damagedExport(path, `does not list ${file} among the files`);
    if (logits.length !== golden.classes)
      throw damagedExport(
        path,
        `${file} has ${logits.length} logits, of ${golden.classes} classes`,
      );
  }
  if (files.size > golden.images.length) return golden;
  throw damagedExport(path, "lists no file but images");
}

/**
 * The largest difference of logits `[N,classes]` as a share of an image's spread: its largest less its
 * smallest. Infinite where a value is not finite.
 */
export function largestDifference(
  got: Float32Array,
  expected: ArrayLike<number>,
  classes: number,
): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let start = 0; start < got.length; start += classes) {
    let [low, high, difference] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    for (let i = start; i < start + classes; i++) {
      const value = expected[i]!;
      low = Math.min(low, value);
      high = Math.max(high, value);
      const off = Math.abs(got[i]! - value);
      difference = Math.max(difference, Number.isNaN(off) ? Number.POSITIVE_INFINITY : off);
    }
    // A head of one class, or of zeros, has no spread of its own.
    const spread = high > low ? high - low : Math.max(Math.abs(high), 1);
    largest = Math.max(largest, difference / spread);
  }
  return largest;
}
