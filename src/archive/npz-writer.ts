/** Writes .npz archives of any size to files. */
import { writeFileAtomically } from "../disk/atomic-file.js";
import type { NpzEncoding } from "./npz-encoding.js";
import { appendNpz } from "./npz-stream.js";
import type { NamedArray } from "./numeric-array.js";

/**
 * Writes an .npz as np.savez does (`appendNpz`). The file appears complete or not at all: a failure, in
 * writing or in `entries`, leaves what was there before.
 *
 * @throws UserError where the disk is full, the folder cannot be written to, or a finite value is
 *   beyond float16; and what `appendNpz` throws
 */
export async function writeNpz(
  path: string,
  entries: AsyncIterable<NamedArray> | Iterable<NamedArray>,
  encoding: NpzEncoding = {},
): Promise<void> {
  await writeFileAtomically(path, (append) => appendNpz(path, entries, append, encoding));
}
