/** Runs a pipeline by itself, for tests. */
import { extname } from "node:path";
import type { Split } from "../../src/data/dataset.js";
import { floats, integers, type Session } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { defineDecoders } from "../../src/input/decoders.js";
import {
  addPipeline,
  loadPipeline,
  type Pipeline,
  type PipelineOptions,
  startPipeline,
} from "../../src/input/pipeline.js";
import type { OpenSession } from "../../src/step/program.js";
import { DECODER_OF } from "../decoder-of.js";
import { fixturePath } from "../fixture-path.js";

export interface Batch {
  /** As the step gets them: `[batch, side, side, 3]` in [-1, 1]. */
  readonly values: Float32Array;
  /** Grey levels, 0 to 255. */
  readonly levels: Float32Array;
  readonly labels: Int32Array;
}

export type TestOptions = Omit<PipelineOptions, "name" | "workers"> & { readonly workers?: number };

/** A session with nothing but a pipeline. */
export interface OpenedPipeline {
  readonly session: Session;
  readonly pipeline: Pipeline;
}

/** Opens a session with nothing but a pipeline, called `images`. */
export async function openPipeline(
  open: OpenSession,
  split: Split,
  options: TestOptions,
): Promise<OpenedPipeline> {
  const builder = new GraphBuilder();
  defineDecoders(builder, options.target);
  const batch = addPipeline(builder, split, { name: "images", workers: 2, ...options });
  builder.fetchable("batch/images", batch.images);
  builder.fetchable("batch/labels", batch.labels);
  const session = open(builder.build());
  await loadPipeline(session, batch.pipeline);
  return { session, pipeline: batch.pipeline };
}

/** The batches that such a session makes of these examples. */
export async function takeBatches(
  { session, pipeline }: OpenedPipeline,
  batch: number,
  indices: readonly number[],
  augmentations: Int32Array = new Int32Array(3 * indices.length),
): Promise<Batch[]> {
  await startPipeline(session, pipeline, Int32Array.from(indices), augmentations);
  const made: Batch[] = [];
  for (let i = 0; i < indices.length; i += batch) {
    const [images, labels] = await session.run({}, ["batch/images", "batch/labels"]);
    const values = floats(images);
    made.push({ values, levels: values.map((x) => x * 127.5 + 127.5), labels: integers(labels) });
  }
  return made;
}

/** The batches that a pipeline makes of these examples. */
export async function batches(
  open: OpenSession,
  split: Split,
  options: TestOptions,
  indices: readonly number[],
  augmentations?: Int32Array,
): Promise<Batch[]> {
  const opened = await openPipeline(open, split, options);
  try {
    return await takeBatches(opened, options.batch, indices, augmentations);
  } finally {
    opened.session.close();
  }
}

/** Images of the fixtures, or at absolute paths; the label of each is its place. */
export function fileSplit(names: readonly string[], orientations: readonly number[] = []): Split {
  return {
    images: {
      kind: "files",
      paths: names.map((name) => {
        return name.startsWith("/") ? name : fixturePath("data", "images", name);
      }),
      orientations: Uint8Array.from(names, (_, i) => orientations[i] ?? 1),
      decoders: names.map((n) => DECODER_OF[extname(n)] ?? "jpeg-or-png"),
    },
    labels: Int32Array.from(names, (_, i) => i),
  };
}

/** Pixels `[height,width,3]` with a value of its own for every place. */
export function pixelSplit(count: number, height: number, width: number): Split {
  const pixels = Uint8Array.from({ length: count * height * width * 3 }, (_, i) => (i * 37) % 251);
  const labels = Int32Array.from({ length: count }, (_, i) => 10 * i);
  return { images: { kind: "pixels", pixels, height, width }, labels };
}
