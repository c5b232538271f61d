/**
 * What a model needs to be judged as its run judged it. A run has it in `config.json`; each of its
 * checkpoints carries it in `checkpoint.npz`, as one member beside the variables, so that a copy of
 * that file alone is judged alike.
 *
 * The member is JSON in UTF-8, as a vector of bytes. Readers that ask for variables by name never see
 * it; the official JAX code looks for `block1` ... `block4` in every name, which this one does not hold;
 * simple readers, which know no text, read bytes (docs/checkpoints.md).
 */
import { z } from "zod";
import type { NpzReader } from "../archive/npz-reader.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { UserError } from "../errors.js";
import { resizeMethods } from "../input/resize-functions.js";
import { parseArchitecture } from "../model/architecture.js";
import { packageVersion } from "../package-root.js";
import { precisions } from "./precision.js";

/** The member's name in the archive. */
export const metadataArray = "training/metadata";

/** A part of `config.json` too. */
export const modelRecord = z.object({
  model: z.string(),
  classNames: z.array(z.string()).readonly(),
  resolution: z.object({ precrop: z.int().positive(), crop: z.int().positive() }),
  resize: z.enum(resizeMethods).default("pillow"),
  precision: z.enum(precisions),
  /** By which a part was held out, where the dataset has none of its own. */
  seed: z.int(),
});

export type ModelRecord = Readonly<z.infer<typeof modelRecord>>;

const newestVersion = 1;

const archiveRecord = modelRecord.extend({
  version: z.literal(newestVersion),
  /** Of the package that wrote it. */
  bitTrain: z.string(),
  /** As in `R50x1`. */
  architecture: z.string(),
  steps: z.int().nonnegative(),
});

/** A model's record with the steps after which it was written. */
export type ArchiveRecord = Readonly<z.infer<typeof archiveRecord>>;

/** The largest record that is read: of 21,843 classes it has half a megabyte. */
const maxRecordBytes = 16 * 2 ** 20;

/** The member that tells of a model in its archive. */
export function recordMember(record: ModelRecord, steps: number): NamedArray {
  const { model, classNames, resolution, resize, precision, seed } = record;
  const { precrop, crop } = resolution;
  const value: ArchiveRecord = {
    version: newestVersion,
    bitTrain: packageVersion(),
    model,
    architecture: parseArchitecture(model).name,
    classNames,
    resolution: { precrop, crop },
    resize,
    precision,
    seed,
    steps,
  };
  const data = new TextEncoder().encode(JSON.stringify(value));
  return { name: metadataArray, array: { shape: [data.length], data } };
}

/**
 * What an archive tells of its model; undefined where it tells nothing, as archives do that bit-train
 * did not write.
 * @throws UserError where the member is damaged, or of a newer version
 */
export async function readRecord(archive: NpzReader): Promise<ArchiveRecord | undefined> {
  if (!archive.has(metadataArray)) return undefined;
  const { path } = archive;
  const { shape, dtype, sizeBytes } = archive.entry(metadataArray);
  if (dtype !== "|u1" || shape.length !== 1 || sizeBytes > maxRecordBytes)
    throw damaged(path, `is ${dtype} of shape [${shape.join(", ")}]`);
  const bytes = (await archive.read(metadataArray)).data as Uint8Array;
  const json = parsed(bytes);
  const { version } = (json ?? {}) as { readonly version?: unknown };
  if (typeof version === "number" && version > newestVersion) {
    throw new UserError(
      `${path}, array '${metadataArray}'`,
      `has format version ${version}`,
      `at most version ${newestVersion}, the newest that this bit-train knows`,
      "use the bit-train that wrote it, or a newer one",
    );
  }
  const record = archiveRecord.safeParse(json);
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  throw damaged(path, `${issue!.path.join(".") || "its text"}: ${issue!.message}`);
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

function damaged(path: string, got: string): UserError {
  return new UserError(
    `${path}, array '${metadataArray}'`,
    got,
    "what bit-train wrote there: the model's classes, image size and so on, as JSON",
    "give the archive as the run wrote it, or one without this array, with --model and --crop",
  );
}

/** In what two records of one model differ, in the words of `config.json`; of classes the first. */
export function recordDifferences(a: ModelRecord, b: ModelRecord): string[] {
  const told = (key: string, one: unknown, other: unknown) =>
    JSON.stringify(one) === JSON.stringify(other)
      ? []
      : [`${key} ${JSON.stringify(one)} and ${JSON.stringify(other)}`];
  const at = a.classNames.findIndex((name, i) => name !== b.classNames[i]);
  return [
    ...told("model", a.model, b.model),
    ...told("number of classes", a.classNames.length, b.classNames.length),
    ...(at === -1 ? [] : told(`class ${at}`, a.classNames[at], b.classNames[at])),
    ...told("crop", a.resolution.crop, b.resolution.crop),
    ...told("resize", a.resize, b.resize),
    ...told("precision", a.precision, b.precision),
    ...told("seed", a.seed, b.seed),
  ];
}
