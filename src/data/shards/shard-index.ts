/**
 * Where in a shard the images are, and what they are. A shard is read through once; what is found is
 * kept for later runs, by the shard's size and time: ImageNet's shards have 140 GB.
 */
import { stat } from "node:fs/promises";
import { z } from "zod";
import { cacheFolder } from "../../cache-folder.js";
import { UserError } from "../../errors.js";
import { DECODERS } from "../dataset.js";
import { type Faults, report } from "../faults.js";
import type { ImageHeader } from "../files/image-header.js";
import { keep, keptPath, readKept, SETTLED_MS } from "../files/kept-json.js";
import type { LabelValue, UnfitExample } from "../formats/label-value.js";

/** An image as it is found in a shard. */
export interface ShardImage {
  /** Where its bytes begin in the file that holds them. */
  readonly offset: number;
  /** Bytes of it. */
  readonly length: number;
  readonly header: ImageHeader;
  readonly label: LabelValue;
  /** The class in words, where the label is a number and the shard has these too. */
  readonly text: string | undefined;
}

/** How the images of a shard are found. */
export interface ShardReading {
  readonly shard: string;
  /** What else decides what is found in it: its format, the features that are looked for. */
  readonly as: string;
  /** Finds them, each once, in order. */
  readonly images: () => AsyncIterable<ShardImage>;
  /** The file that holds their bytes, which finding them writes; by default the shard itself. */
  readonly file?: string | undefined;
}

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
    alpha: z.literal(true).exactOptional(),
  }),
  z.object({ kind: z.literal("unsupported"), format: z.string() }),
  z.object({ kind: z.literal("corrupt"), reason: z.string() }),
]);

const indexSchema = z.object({
  /** Where each image begins in its file, and its bytes. */
  offsets: z.array(z.number()),
  lengths: z.array(z.number()),
  /** `[n]`, numbers as the shard has them, or indices of `words`. */
  labels: z.array(z.number()),
  /** The classes in words, where labels are no numbers. */
  words: z.array(z.string()).optional(),
  /** How many numbers a label has, where it is a vector with a single 1. */
  width: z.number().optional(),
  headers: z.array(headerSchema),
  /** The words for each label that is a number. */
  texts: z.array(z.tuple([z.number(), z.string()])),
});

/** The images of a shard, one for each of its records, in their order. */
export type ShardIndex = z.infer<typeof indexSchema>;

const keptSchema = z.object({
  // To be raised whenever more, or something else, is found in a shard.
  format: z.literal(4),
  shard: z.string(),
  as: z.string(),
  sizeBytes: z.number(),
  mtimeMs: z.number(),
  index: indexSchema,
});

/**
 * The images of a shard.
 * @param faults where damage is named, rather than in an error; the records before it count then
 * @param cache the user's cache folder
 * @throws UserError that names shard and record, where one is damaged or no image with a label, or
 * where labels are of several kinds
 */
export async function indexShard(
  reading: ShardReading,
  faults?: Faults,
  cache: string = cacheFolder(),
): Promise<ShardIndex> {
  const { shard, as, file: made } = reading;
  const path = keptPath(cache, "shards", `${as}\n${shard}`);
  // What cannot be read at all, the reader reports.
  const file = await stat(shard).catch(() => undefined);
  const state = { format: 4, shard, as, sizeBytes: file?.size ?? 0, mtimeMs: file?.mtimeMs ?? 0 };
  const isWorthKeeping = made !== undefined || state.sizeBytes >= KEPT_FROM_BYTES;
  const kept = !isWorthKeeping ? undefined : keptSchema.safeParse(await readKept(path)).data;
  const isSame = kept?.sizeBytes === state.sizeBytes && kept.mtimeMs === state.mtimeMs;
  const isOfIt = kept?.shard === shard && kept.as === as && isSame;
  if (isOfIt && (made === undefined || (await isWhole(made, kept.index)))) return kept.index;
  const begunMs = Date.now();
  const found = faults?.length;
  const index = await readThrough(reading, faults);
  const settled = state.mtimeMs < begunMs - SETTLED_MS && faults?.length === found;
  if (settled && isWorthKeeping) await keep(path, { ...state, index });
  return index;
}

/** Whether the file that was made of a shard is still there. */
async function isWhole(file: string, { offsets, lengths }: ShardIndex): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.size === (offsets.at(-1) ?? 0) + (lengths.at(-1) ?? 0);
}

async function readThrough(
  { shard, images }: ShardReading,
  faults: Faults | undefined,
): Promise<ShardIndex> {
  const index: ShardIndex = { offsets: [], lengths: [], labels: [], headers: [], texts: [] };
  const texts = new Map<number, string>();
  const words = new Map<string, number>();
  let first: LabelValue | undefined;
  try {
    for await (const { offset, length, header, label, text } of images()) {
      const where = `${shard} (record ${index.labels.length})`;
      first ??= label;
      if (kindOf(label) !== kindOf(first)) throw severalKinds(where, kindOf(label), kindOf(first));
      const number = label.kind === "number" ? label.number : placeOf(label.word, words);
      if (text !== undefined && text !== (texts.get(number) ?? text))
        throw twoTexts(where, number, text, texts.get(number)!);
      index.offsets.push(offset);
      index.lengths.push(length);
      index.labels.push(number);
      index.headers.push(header);
      if (text !== undefined && text !== "") texts.set(number, text);
    }
  } catch (error) {
    report(error, faults);
  }
  return {
    ...index,
    texts: [...texts],
    ...(first?.kind === "word" && { words: [...words.keys()] }),
    ...(first?.kind === "number" && first.width !== undefined && { width: first.width }),
  };
}

function placeOf(word: string, words: Map<string, number>): number {
  const place = words.get(word) ?? words.size;
  words.set(word, place);
  return place;
}

/** How a shard's labels are stored, in words: all of a dataset's are alike. */
export function labelsOf({ words, width }: Pick<ShardIndex, "words" | "width">): string {
  if (words !== undefined) return "words";
  return width === undefined ? "numbers" : `vectors of ${width} numbers`;
}

function kindOf(label: LabelValue): string {
  return labelsOf(label.kind === "word" ? { words: [] } : { width: label.width });
}

/** Labels that are not all stored alike, as those of two datasets are. */
export function severalKinds(where: string, got: string, before: string): UserError {
  return new UserError(
    where,
    `labels that are ${got}, where those before it are ${before}`,
    "labels of one kind in all shards of a dataset",
    "keep shards of different datasets in different folders, or write the labels alike",
  );
}

/** A label's number that means two classes, as in shards of two datasets. */
export function twoTexts(where: string, label: number, text: string, before: string): UserError {
  return new UserError(
    where,
    `calls label ${label} ${text}, which is ${before} before it`,
    "one name for each label in all shards of a dataset",
    "keep shards of different datasets in different folders, or correct the labels",
  );
}

/** A record that is sound, but holds no image, several, or not one class. */
export function unfitRecord(shard: string, record: number, unfit: UnfitExample): UserError {
  return new UserError(
    `${shard} (record ${record})`,
    unfit.message,
    "one image and one class in each record: its number, its name, or a vector with a single 1",
    "write the shards so, or leave out those without labels by a pattern of the others, in quotes",
    { cause: unfit },
  );
}
