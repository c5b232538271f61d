/**
 * Where in a TFRecord shard the images are, and what they are. A shard is read through once; what is
 * found is kept for later runs, by the shard's size and time: ImageNet's shards have 140 GB.
 */
import { stat } from "node:fs/promises";
import { z } from "zod";
import { cacheFolder } from "../../cache-folder.js";
import { DECODERS } from "../dataset.js";
import { type Faults, report } from "../faults.js";
import { type ImageExample, parseImageExample } from "../formats/tf-example.js";
import { damagedRecord, readTfRecords, type TfRecord } from "../formats/tfrecord-reader.js";
import { imageHeaderOf } from "./image-header.js";
import { keep, keptPath, readKept, SETTLED_MS } from "./kept-json.js";

/** A smaller shard is read as quickly as what is kept of it. */
const KEPT_FROM_BYTES = 2 ** 20;

const headerSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("readable"),
    decoder: z.enum(DECODERS),
    format: z.string(),
    height: z.int(),
    width: z.int(),
    orientation: z.int(),
    suspect: z.literal(true).exactOptional(),
  }),
  z.object({ kind: z.literal("unsupported"), format: z.string() }),
  z.object({ kind: z.literal("corrupt"), reason: z.string() }),
]);

const indexSchema = z.object({
  /** Where each image begins in the shard, and its bytes. */
  offsets: z.array(z.number()),
  lengths: z.array(z.number()),
  /** As the shard has them. */
  labels: z.array(z.number()),
  headers: z.array(headerSchema),
  /** The first words for each label. */
  texts: z.array(z.tuple([z.number(), z.string()])),
});

/** The images of a shard, one for each of its records, in their order. */
export type ShardIndex = z.infer<typeof indexSchema>;

const keptSchema = z.object({
  // To be raised whenever more, or something else, is found in a shard.
  format: z.literal(2),
  shard: z.string(),
  sizeBytes: z.number(),
  mtimeMs: z.number(),
  index: indexSchema,
});

/**
 * The images of a shard.
 * @param faults where damage is named, rather than in an error; the records before it count then
 * @param cache the user's cache folder
 * @throws UserError that names shard and record, where one is damaged or no image with a label
 */
export async function indexShard(
  shard: string,
  faults?: Faults,
  cache: string = cacheFolder(),
): Promise<ShardIndex> {
  const path = keptPath(cache, "shards", shard);
  // What cannot be read at all, the reader reports.
  const file = await stat(shard).catch(() => undefined);
  const state = { format: 2, shard, sizeBytes: file?.size ?? 0, mtimeMs: file?.mtimeMs ?? 0 };
  const isLarge = state.sizeBytes >= KEPT_FROM_BYTES;
  const kept = !isLarge ? undefined : keptSchema.safeParse(await readKept(path)).data;
  if (kept?.shard === shard && kept.sizeBytes === state.sizeBytes && kept.mtimeMs === state.mtimeMs)
    return kept.index;
  const begunMs = Date.now();
  const found = faults?.length;
  const index = await readThrough(shard, faults);
  const settled = state.mtimeMs < begunMs - SETTLED_MS && faults?.length === found;
  if (settled && isLarge) await keep(path, { ...state, index });
  return index;
}

async function readThrough(shard: string, faults: Faults | undefined): Promise<ShardIndex> {
  const index: ShardIndex = { offsets: [], lengths: [], labels: [], headers: [], texts: [] };
  const texts = new Map<number, string>();
  try {
    for await (const record of readTfRecords(shard)) {
      const { encoded, label, text } = parse(shard, record);
      index.offsets.push(record.offset + encoded.byteOffset - record.bytes.byteOffset);
      index.lengths.push(encoded.length);
      index.labels.push(label);
      index.headers.push(imageHeaderOf(encoded));
      if (text && !texts.has(label)) texts.set(label, text);
    }
  } catch (error) {
    report(error, faults);
  }
  return { ...index, texts: [...texts] };
}

function parse(path: string, { index, bytes }: TfRecord): ImageExample {
  try {
    return parseImageExample(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedRecord(path, index, `is no example of an image: ${reason}`, error);
  }
}
