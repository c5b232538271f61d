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
import type { ArrayArchive } from "../archive/array-entry.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { UserError } from "../errors.js";
import { parseArchitecture } from "../model/architecture.js";
import { packageVersion } from "../package-root.js";
import { damagedMember, jsonMember, readJsonMember } from "./json-member.js";
import { type RunRecord, runRecord } from "./run-record.js";

/** The member's name in the archive. */
export const metadataArray = "training/metadata";

const newestVersion = 1;

const archiveRecord = runRecord.extend({
  version: z.literal(newestVersion),
  /** Of the package that wrote it. */
  bitTrain: z.string(),
  /** As in `R50x1`. */
  architecture: z.string(),
  steps: z.int().nonnegative(),
});

/** A run's record with the steps after which it was written. */
export type ArchiveRecord = Readonly<z.infer<typeof archiveRecord>>;

/** The member that tells of a model in its archive. */
export function recordMember(record: RunRecord, steps: number): NamedArray {
  const value: ArchiveRecord = {
    version: newestVersion,
    bitTrain: packageVersion(),
    architecture: parseArchitecture(record.model).name,
    steps,
    // A run's settings are many more: of each key what the schema knows.
    ...runRecord.parse(record),
  };
  return jsonMember(metadataArray, value);
}

/**
 * What an archive tells of its model; undefined where it tells nothing, as archives do that bit-train
 * did not write.
 * @throws UserError where the member is damaged, or of a newer version
 */
export async function readRecord(archive: ArrayArchive): Promise<ArchiveRecord | undefined> {
  const json = await readJsonMember(archive, metadataArray);
  if (json === undefined) return undefined;
  const { path } = archive;
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
  throw damagedMember(
    path,
    metadataArray,
    `${issue!.path.join(".") || "its text"}: ${issue!.message}`,
  );
}
