/**
 * What TensorFlow Datasets (TFDS) writes beside its shards: which features an example has, which shards
 * belong to which split and how many examples each holds, and the names of classes.
 * Source: tensorflow_datasets/core/features/feature.py, naming.py and proto/dataset_info.proto.
 */

import { join } from "node:path";
import { z } from "zod";
import { readError, readWhole } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import type { ExampleNames } from "../formats/tf-example.js";
import { listed } from "../listed.js";

/** A split as dataset_info.json has it. */
export interface TfdsSplit {
  readonly name: string;
  /** Examples in each of its shards. */
  readonly shardLengths: readonly number[];
  /** Its shards' names, in order, where all of them are known by the template. */
  readonly files: readonly string[];
}

/** The metadata of a dataset. */
export interface TfdsMetadata {
  /** Which features are the image and its label; undefined where no features.json tells. */
  readonly names: ExampleNames | undefined;
  /** Names of the classes from 0 on; none where there are none. */
  readonly classNames: readonly string[];
  /** Undefined where no dataset_info.json tells. */
  readonly splits: readonly TfdsSplit[] | undefined;
  /** What people should know of. */
  readonly notes: readonly string[];
}

const MOST_BYTES = 64 * 1024 * 1024;

const splitSchema = z.object({
  name: z.string(),
  shardLengths: z.array(z.coerce.number()).default([]),
  filepathTemplate: z.string().optional(),
});

const infoSchema = z.object({
  name: z.string(),
  fileFormat: z.string().default("tfrecord"),
  splits: z.array(splitSchema).default([]),
  supervisedKeys: z
    .object({
      tuple: z.object({ items: z.array(z.object({ featureKey: z.string().optional() })) }),
    })
    .partial()
    .extend({ input: z.string().optional(), output: z.string().optional() })
    .optional(),
});

/** A feature, by its path in nested dictionaries. */
interface Feature {
  readonly path: readonly string[];
  /** TFDS's class of it, such as `Image`, `ClassLabel`, `Sequence`. */
  readonly kind: string;
  /** Of an image, such as `uint8`. */
  readonly dtype: string;
}

/**
 * The metadata of the dataset whose shards lie in a folder.
 * @param files names of the folder's files
 * @throws UserError where its shards are in a format, or its images of a type, that cannot be read; or
 * it does not tell which feature is the image or the label
 */
export async function readTfdsMetadata(
  folder: string,
  files: readonly string[],
): Promise<TfdsMetadata> {
  const info = infoSchema.safeParse(await readJson(folder, "dataset_info.json", files)).data;
  const features = featuresIn(await readJson(folder, "features.json", files), []);
  if (info !== undefined && info.fileFormat !== "" && info.fileFormat !== "tfrecord")
    throw new UserError(
      folder,
      `a dataset of TFDS whose shards are ${info.fileFormat} files`,
      "TFRecord shards",
      "prepare it with --file_format=tfrecord (tfds build), " +
        "or with builder_kwargs={'file_format': 'tfrecord'} (tfds.load)",
    );
  const notes: string[] = [];
  const chosen = features.length === 0 ? undefined : choose(folder, features, info, notes);
  return {
    names: chosen && { image: chosen.image.path.join("/"), label: chosen.label.path.join("/") },
    classNames: await readClassNames(folder, chosen?.label.path ?? ["label"], files),
    splits:
      info && info.splits.length > 0 ? info.splits.map((s) => splitOf(s, info.name)) : undefined,
    notes,
  };
}

function choose(
  folder: string,
  features: readonly Feature[],
  info: z.infer<typeof infoSchema> | undefined,
  notes: string[],
): { readonly image: Feature; readonly label: Feature } {
  const keys = info?.supervisedKeys;
  const items = keys?.tuple?.items ?? [];
  const input = items[0]?.featureKey ?? keys?.input;
  const output = items[1]?.featureKey ?? keys?.output;
  const find = (kind: string, name: string, supervised: string | undefined) => {
    const named = (key: string) => features.find(({ path }) => path.join("/") === key);
    const own = supervised === undefined ? undefined : named(supervised);
    const all = features.filter((feature) => feature.kind === kind);
    // A label may be any number or text that the dataset itself calls the label, but no list of them.
    const isPlain = kind === "ClassLabel" && ["Tensor", "Scalar", "Text"].includes(own?.kind ?? "");
    const found =
      own?.kind === kind || isPlain
        ? own
        : all.length === 1
          ? all[0]
          : all.find(({ path }) => path.join("/") === name);
    if (found !== undefined) return found;
    const there = all.length > 0 ? all : features;
    throw new UserError(
      join(folder, "features.json"),
      `${all.length === 0 ? "no" : `${all.length}`} ${kind} among its features: ` +
        listed(there.map(({ path }) => path.join("/"))),
      `one ${kind}, or one called ${name}`,
      "choose a dataset for image classification, or write its images into class folders",
    );
  };
  const image = find("Image", "image", input);
  const label = find("ClassLabel", "label", output);
  const where = join(folder, "features.json");
  if (!["uint8", "uint16", ""].includes(image.dtype))
    throw new UserError(
      where,
      `${image.path.join("/")}: an Image of dtype ${image.dtype}, whose PNG files hold the numbers' bytes`,
      "an Image of dtype uint8 or uint16",
      "prepare the dataset with Image(dtype=np.uint8), its values scaled to 0 to 255",
    );
  if (image.dtype === "uint16")
    notes.push(`${image.path.join("/")} has 16 bits a value, of which the upper 8 are used`);
  return { image, label };
}

/** All features of a features.json, in its form of today or of before TFDS 4.5, with those nested in it. */
function featuresIn(json: unknown, path: readonly string[]): Feature[] {
  const node = nodeSchema.safeParse(json).data;
  const className = node?.pythonClassName ?? node?.type;
  if (node === undefined || className === undefined) return [];
  const kind = className.split(".").at(-1)!;
  const content = contentSchema.safeParse(node.content).data;
  if (kind === "FeaturesDict") {
    const nested = node.featuresDict?.features ?? content ?? {};
    return Object.entries(nested).flatMap(([key, value]) => featuresIn(value, [...path, key]));
  }
  const dtype =
    node.image?.dtype ?? (typeof content?.["dtype"] === "string" ? content["dtype"] : "");
  return [{ path, kind, dtype }];
}

const contentSchema = z.record(z.string(), z.unknown());

const nodeSchema = z.object({
  pythonClassName: z.string().optional(),
  type: z.string().optional(),
  featuresDict: z.object({ features: z.record(z.string(), z.unknown()) }).optional(),
  image: z.object({ dtype: z.string().default("") }).optional(),
  content: z.unknown().optional(),
});

/** The names of a split's shards, by its template. */
function splitOf(split: z.infer<typeof splitSchema>, dataset: string): TfdsSplit {
  const { name, shardLengths } = split;
  const template = split.filepathTemplate || "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}";
  const digits = (number: number) =>
    String(number).padStart(Math.max(5, String(shardLengths.length).length), "0");
  const count = digits(shardLengths.length);
  const files = shardLengths.map((_, index) => {
    const values: Readonly<Record<string, string>> = {
      DATASET: dataset,
      SPLIT: name,
      FILEFORMAT: "tfrecord",
      SHARD_INDEX: digits(index),
      NUM_SHARDS: count,
      SHARD_X_OF_Y: `${digits(index)}-of-${count}`,
    };
    return template.replace(/%[^%]*$/, "").replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
  });
  return { name, shardLengths, files };
}

/** TFDS names them in a file of their own, a line each, called after the feature. */
async function readClassNames(
  folder: string,
  label: readonly string[],
  files: readonly string[],
): Promise<string[]> {
  const name = `${label.map((part) => part.replaceAll("/", ".")).join("-")}.labels.txt`;
  if (!files.includes(name)) return [];
  const text = Buffer.from(await read(folder, name)).toString("utf8");
  return text.trimEnd().split(/\r?\n/);
}

/** What a JSON file holds; undefined where the folder lacks it. */
async function readJson(folder: string, name: string, files: readonly string[]): Promise<unknown> {
  if (!files.includes(name)) return undefined;
  try {
    return JSON.parse(Buffer.from(await read(folder, name)).toString("utf8"));
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      join(folder, name),
      `no JSON: ${error instanceof Error ? error.message : String(error)}`,
      "the file as TFDS writes it",
      "copy or prepare the dataset again",
      { cause: error },
    );
  }
}

async function read(folder: string, name: string): Promise<Uint8Array> {
  const path = join(folder, name);
  try {
    return await readWhole(path, MOST_BYTES);
  } catch (error) {
    throw readError(path, error, "copy the dataset again");
  }
}
