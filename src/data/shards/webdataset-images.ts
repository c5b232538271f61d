/**
 * The images of a webdataset shard: a tar archive in which files of one name, but for what follows its
 * first dot, are an example: `0007.jpg` and `0007.cls`. They are read where they lie.
 * Source: webdataset 1.0, tariterators.py (base_plus_ext, group_by_keys) and autodecode.py.
 */

import type { FileHandle } from "node:fs/promises";
import { openForReading, readExactly } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { hasImageExtension, readImageHeader } from "../files/image-header.js";
import {
  type LabelValue,
  labelAmong,
  labelOfNumbers,
  labelOfText,
  UnfitExample,
} from "../formats/label-value.js";
import { TarFault, type TarMember, tarMembers } from "../formats/tar-members.js";
import type { ShardImage } from "./shard-index.js";

/** Extensions of a label: its number, its name. */
const LABELS = ["cls", "label", "class", "cls.txt", "label.txt", "class.txt"];
/** Keys of a label in an example's JSON. */
const JSON_LABELS = ["label", "class", "cls", "target", "class_id", "label_name", "class_name"];
/** A caption or a table of what is known of an image. */
const MOST_LABEL_BYTES = 2 ** 20;

/** The members of one example, by what follows the first dot of their names. */
interface Sample {
  readonly key: string;
  readonly members: Map<string, TarMember>;
}

/**
 * The images of a shard, in order. Examples without an image are passed over.
 * @throws UserError where the archive is damaged, or names the example that is none of one image and class
 */
export async function* webDatasetImages(shard: string): AsyncGenerator<ShardImage> {
  const { handle, sizeBytes } = await openForReading(shard, "give the path of a tar archive");
  try {
    for await (const sample of samples(handle, sizeBytes)) {
      const image = imageOf(sample);
      if (image === undefined) continue;
      const { label, word } = labelAmong(await labelsOf(handle, sample));
      const range = { offset: image.offset, length: image.sizeBytes };
      yield { ...range, header: await readImageHeader(shard, range), label, text: word };
    }
  } catch (error) {
    throw explained(shard, error);
  } finally {
    await handle.close();
  }
}

function explained(shard: string, error: unknown): unknown {
  if (error instanceof UnfitExample)
    return new UserError(
      shard,
      error.message,
      "a webdataset, each image beside its class: KEY.jpg and KEY.cls",
      `write it so (img2dataset: --save_additional_columns '["label"]'); or unpack it (tar -xf) ` +
        "where its folders are the classes",
      { cause: error },
    );
  if (!(error instanceof TarFault)) return error;
  return new UserError(
    shard,
    `cannot be read as a tar archive: ${error.message}`,
    "a complete tar archive, not compressed",
    "copy or download it again; decompress it (gunzip, unzstd) where it is compressed",
    { cause: error },
  );
}

async function* samples(file: FileHandle, sizeBytes: number): AsyncGenerator<Sample> {
  let sample: Sample | undefined;
  for await (const member of tarMembers(file, sizeBytes)) {
    const match = /^((?:.*\/)?[^./][^./]*)\.([^/]*)$/s.exec(member.name);
    if (match === null) continue;
    const key = match[1]!;
    if (sample?.key !== key) {
      if (sample !== undefined) yield sample;
      sample = { key, members: new Map() };
    }
    const suffix = match[2]!.toLowerCase();
    if (sample.members.has(suffix))
      throw new UnfitExample(`has ${member.name} twice, one behind the other`);
    sample.members.set(suffix, member);
  }
  if (sample !== undefined) yield sample;
}

/** The image of an example; undefined where it has none. Others beside it, as `KEY.seg.png`, are not it. */
function imageOf({ key, members }: Sample): TarMember | undefined {
  const images = [...members.keys()].filter((name) => hasImageExtension(`image.${name}`));
  const plain = images.filter((name) => !name.includes("."));
  if (plain.length > 1)
    throw new UnfitExample(`the example ${key} has ${plain.length} images: ${plain.join(", ")}`);
  if (plain.length === 0 && images.length > 0)
    throw new UnfitExample(`the example ${key} has no image called so alone, but ${images[0]}`);
  return members.get(plain[0] ?? "");
}

/** What an example says of its class, by extension or JSON key; one or more. */
async function labelsOf(
  file: FileHandle,
  { key, members }: Sample,
): Promise<(readonly [string, LabelValue])[]> {
  const found: [string, LabelValue][] = [];
  const take = (name: string, of: () => LabelValue) => {
    try {
      found.push([name, of()]);
    } catch (error) {
      if (!(error instanceof UnfitExample)) throw error;
      throw new UnfitExample(`the example ${key}: ${name} ${error.message}`);
    }
  };
  const textOf = async (member: TarMember) => {
    if (member.sizeBytes > MOST_LABEL_BYTES)
      throw new UnfitExample(`${member.name} has ${member.sizeBytes} bytes`);
    const bytes = new Uint8Array(member.sizeBytes);
    await readExactly(file, bytes, member.offset);
    return bytes;
  };
  for (const extension of LABELS) {
    const member = members.get(extension);
    if (member === undefined) continue;
    const bytes = await textOf(member);
    take(extension, () => numberOrWord(bytes));
  }
  const json = members.get("json");
  if (json !== undefined) {
    const values = parsed(json.name, await textOf(json));
    for (const name of JSON_LABELS)
      if (values[name] !== undefined && values[name] !== null)
        take(`json's ${name}`, () => labelOfJson(values[name]));
  }
  const text = members.get("txt");
  // A text is a caption more often than a class, and never both.
  if (found.length === 0 && text !== undefined) {
    const bytes = await textOf(text);
    if (/^\s*\d+\s*$/.test(Buffer.from(bytes).toString("latin1")))
      take("txt", () => numberOrWord(bytes));
  }
  if (found.length > 0) return found;
  const others = [...members.keys()].slice(0, 5).join(", ");
  throw new UnfitExample(`the example ${key} has no class (cls, or label in json), but ${others}`);
}

function numberOrWord(bytes: Uint8Array): LabelValue {
  const label = labelOfText([bytes]);
  const isNumber = label.kind === "word" && /^\d+$/.test(label.word);
  return isNumber ? labelOfNumbers([Number(label.word)]) : label;
}

function parsed(name: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw new UnfitExample(`${name} is no JSON object`);
}

/**
 * A label as JSON has it: a number, a text, or a vector with a single 1.
 * @throws UnfitExample that says what it is instead
 */
function labelOfJson(value: unknown): LabelValue {
  if (typeof value === "string") return labelOfText([value]);
  const values = Array.isArray(value) ? value : [value];
  if (values.length === 1 && typeof values[0] === "string") return labelOfText([values[0]]);
  const numbers = values.filter((one) => typeof one === "number");
  if (numbers.length === values.length) return labelOfNumbers(numbers);
  throw new UnfitExample(`holds ${JSON.stringify(value).slice(0, 60)}, and one class is expected`);
}
