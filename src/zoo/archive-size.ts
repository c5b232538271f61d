/**
 * How many parameters a model has, and how long its official archive is, to the byte.
 * Source: PKWARE APPNOTE 6.3, section 4.3; CPython's zipfile.py; numpy/lib/format.py.
 *
 * The official archives come from np.savez (numpy 1.14 or later, Python before 3.6), without
 * compression and in order of names. Beside the values, 4 bytes each, such an archive has
 * - for each array a local header (30 bytes and the member's name), the .npy header (128 bytes, the
 *   shortest multiple of 64 that holds any of these shapes), and an entry of the directory at the
 *   end (46 bytes and the name once more);
 * - for each array that begins beyond 2 GiB, 12 bytes more in its entry: Python takes to ZIP64 at
 *   2^31, not at 2^32. The order of the arrays decides how many these are;
 * - the directory's end (22 bytes), and where the directory begins beyond 2 GiB its ZIP64 form and
 *   the pointer to that (56 and 20 bytes).
 */
import { sizeOf } from "../archive/shape.js";
import { type Architecture, isOfHead, variableSpecs } from "../model/architecture.js";

const LOCAL_HEADER_BYTES = 30;
const NPY_HEADER_BYTES = 128;
const ENTRY_BYTES = 46;
const ENTRY_ZIP64_BYTES = 12;
const END_BYTES = 22;
const END_ZIP64_BYTES = 56 + 20;
/** zipfile.ZIP64_LIMIT: an offset above it is written in 64 bits. */
const ZIP64_LIMIT = 2 ** 31 - 1;

/** Parameters of a model with `classes` outputs, head included. */
export function parameterCount(architecture: Architecture, classes: number): number {
  return variableSpecs(architecture, classes).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** Parameters of its head alone. */
export function headCount(architecture: Architecture, classes: number): number {
  const head = variableSpecs(architecture, classes).filter(isOfHead);
  return head.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** Length in bytes of the official archive of a model with `classes` outputs. */
export function archiveBytes(architecture: Architecture, classes: number): number {
  const members = variableSpecs(architecture, classes)
    .map(({ name, shape }) => ({ name: `${name}.npy`, values: sizeOf(shape) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  let position = 0;
  let directory = 0;
  for (const { name, values } of members) {
    directory += ENTRY_BYTES + name.length + (position > ZIP64_LIMIT ? ENTRY_ZIP64_BYTES : 0);
    position += LOCAL_HEADER_BYTES + name.length + NPY_HEADER_BYTES + 4 * values;
  }
  return position + directory + END_BYTES + (position > ZIP64_LIMIT ? END_ZIP64_BYTES : 0);
}
