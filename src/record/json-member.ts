/** JSON in an archive: UTF-8, as a vector of bytes, which also readers take that know no text. */
import type { ArrayArchive } from "../archive/array-entry.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { UserError } from "../errors.js";

/** The largest that is read: names of 21,843 classes have half a megabyte. */
const maxBytes = 16 * 2 ** 20;

/** A member that holds JSON. */
export function jsonMember(name: string, value: object): NamedArray {
  const data = new TextEncoder().encode(JSON.stringify(value));
  return { name, array: { shape: [data.length], data } };
}

/**
 * The JSON of a member; undefined where the archive has none of this name.
 * @throws UserError where it is damaged
 */
export async function readJsonMember(archive: ArrayArchive, name: string): Promise<unknown> {
  if (!archive.has(name)) return undefined;
  const { shape, dtype, sizeBytes } = archive.entry(name);
  if (dtype !== "|u1" || shape.length !== 1 || sizeBytes > maxBytes)
    throw damagedMember(archive.path, name, `is ${dtype} of shape [${shape.join(", ")}]`);
  const bytes = (await archive.read(name)).data as Uint8Array;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw damagedMember(archive.path, name, "is no JSON");
  }
}

/** What is thrown where a member is not as it was written. */
export function damagedMember(path: string, name: string, got: string): UserError {
  return new UserError(
    `${path}, array '${name}'`,
    got,
    "what bit-train wrote there: the model's classes, image size and so on, as JSON",
    "give the archive as it was written, or one without this array, with --model and --size",
  );
}
