/** `manifest.json`: what lies in a checkpoint, where its run stood, and on what it rests. */
import { z } from "zod";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().nonnegative();

const fingerprint = z.object({
  train: count,
  val: count,
  classNames: z.array(z.string()),
  /** Of every label, in order. */
  labels: sha256,
  /** Of the images' names and sizes, or of their pixels. */
  images: sha256,
  /** Of a sample of the files' bytes; absent where images are pixels, and in older runs. */
  contents: sha256.exactOptional(),
});

const best = z.object({ step: count, top1: z.number() });

const file = z.object({ bytes: count, sha256 });

const facts = z.object({
  /** Steps done. */
  steps: count,
  seed: z.int(),
  examplesSeen: count,
  /** The evaluation after this step, where there was one. */
  validation: z.object({ loss: z.number(), top1: z.number(), top5: z.number(), count }).nullable(),
  /** The best evaluation of the run so far. */
  best: best.nullable(),
  /** SHA-256 of the settings that decide the result. */
  configuration: sha256,
  data: fingerprint,
  /** The engine and its convolutions, in words: others round differently. Absent in older runs. */
  computedBy: z.string().exactOptional(),
  /** The CPU's: as `AVX-512`. Absent in older runs, and of GPUs. */
  vectors: z.string().exactOptional(),
  /** Of TensorFlow's on the CPU: others may round differently. Absent in older runs, and of GPUs. */
  threads: count.exactOptional(),
});

const written = facts.extend({
  /** `checkpoint.npz`. */
  archive: file,
  /** Of each array its shape, and the SHA-256 of its values, little-endian, in C order. */
  tensors: z.record(z.string(), z.object({ shape: z.array(count), sha256 })),
});

/** The version that is written: its optimizer's state has a file of its own. */
export const manifestVersion = 2;

const manifestSchema = z.discriminatedUnion("version", [
  // The optimizer's state and the position lie in `checkpoint.npz` itself.
  written.extend({ version: z.literal(1) }),
  /** `optimizer.npz`. */
  written.extend({ version: z.literal(manifestVersion), optimizer: file }),
]);

/** The length and the SHA-256 of a file of a checkpoint. */
export type FileFacts = Readonly<z.infer<typeof file>>;

/** On what data a run trains. */
export type DataFingerprint = Readonly<z.infer<typeof fingerprint>>;

/**
 * The evaluation with the highest top-1, the first of equals.
 * @useDeclaredType
 */
export type BestResult = Readonly<z.infer<typeof best>>;

export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

/** What is known of a checkpoint before it is written. */
export type CheckpointFacts = Readonly<z.infer<typeof facts>>;

/** A manifest from its JSON, or undefined where it is none. */
export function parseManifest(json: unknown): Manifest | undefined {
  return manifestSchema.safeParse(json).data;
}
