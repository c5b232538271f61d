/** Writes .safetensors files of any size, with one tensor in memory at a time. */
import { writeFileAtomically } from "../disk/atomic-file.js";
import { dataChunks, type NpyEncoding } from "./npy-codec.js";
import type { NumericArray } from "./numeric-array.js";
import { encodeSafetensorsHeader } from "./safetensors-header.js";

/** A tensor to be written. */
export interface SafetensorsTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Its float32 values, row-major, when its turn comes. */
  readonly values: () => Promise<Float32Array> | Float32Array;
}

/** What PyTorch's readers ask for. */
const METADATA = { format: "pt" };

/**
 * Writes tensors byte for byte as safetensors' own writer does: in order of their names, without holes,
 * the header a multiple of 8 bytes long. The file appears complete or not at all.
 * @param encoding `float16`: stored as F16, rounded to nearest even
 * @throws UserError where the disk is full, the folder cannot be written to, or a finite value is
 *   beyond float16; Error for a name that is there twice or not allowed, RangeError for a shape that
 *   does not fit its values: bugs of the caller
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly SafetensorsTensor[],
  encoding: NpyEncoding = {},
): Promise<void> {
  const ordered = inSafetensorsOrder(tensors);
  ordered.forEach(({ name }, i) => {
    if (name === "" || name === "__metadata__" || name === ordered[i - 1]?.name)
      throw new Error(`${path}: a tensor cannot be named '${name}', or is there twice`);
  });
  const dtype = encoding.float16 === true ? "F16" : "F32";
  await writeFileAtomically(path, async (append) => {
    await append(encodeSafetensorsHeader(ordered, dtype, METADATA));
    for (const { name, shape, values } of ordered) {
      const array: NumericArray = { shape, data: await values() };
      for (const chunk of dataChunks(array, `${path}, array '${name}'`, encoding))
        await append(chunk);
    }
  });
}

/** Tensors of one type in the order of safetensors' own writer: by the bytes of their names. */
export function inSafetensorsOrder<T extends { readonly name: string }>(
  tensors: readonly T[],
): readonly T[] {
  return [...tensors].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
}
