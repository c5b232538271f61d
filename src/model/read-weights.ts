/** Reads a model's variables from an archive that fits it, and refuses what is no weight. */
import type { ArrayArchive } from "../archive/array-entry.js";
import { UserError } from "../errors.js";
import type { VariableSpec } from "./architecture.js";
import type { FittedArchive } from "./checkpoint.js";
import { outputsLast } from "./kernel-order.js";

/**
 * The values of a variable, row-major in its own shape; undefined where the archive has no array for
 * it, as for a head that starts anew.
 * @throws UserError where the array is damaged, or holds a value that is not finite
 */
export async function readWeights(
  archive: ArrayArchive,
  { names, kernels }: FittedArchive,
  { name, shape }: Pick<VariableSpec, "name" | "shape">,
): Promise<Float32Array | undefined> {
  const stored = names.get(name);
  if (stored === undefined) return undefined;
  const { data } = await archive.read(stored);
  if (!(data instanceof Float32Array))
    throw new Error(`${stored}: a fitting archive holds floats, not ${data.constructor.name}`);
  requireFinite(archive, stored, data);
  return kernels === "OIHW" && isKernel(name) ? outputsLast(data, shape) : data;
}

/** Whether a variable is stored in the order of axes in which it is used, whatever tool stored it. */
export function isInOrder({ kernels }: FittedArchive, name: string): boolean {
  return kernels === "HWIO" || !isKernel(name);
}

/**
 * Reads all of a model's variables, and keeps none.
 * @throws UserError as `readWeights`
 */
export async function checkWeights(
  archive: ArrayArchive,
  fitted: FittedArchive,
  specs: readonly VariableSpec[],
  signal?: AbortSignal,
): Promise<void> {
  for (const spec of specs) {
    signal?.throwIfAborted();
    await readWeights(archive, fitted, spec);
  }
}

function isKernel(name: string): boolean {
  return name.endsWith("/kernel");
}

const exponent = 0x7f800000;

/**
 * Whether all values are finite numbers. Others have an exponent of ones, which one more carries
 * into the sign: without a branch for each value, of which a large model has a billion.
 */
function allFinite(values: Float32Array): boolean {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let carried = 0;
  for (let i = 0; i < patterns.length; i++) carried |= (patterns[i]! & exponent) + 0x00800000;
  return carried >= 0;
}

function requireFinite(archive: ArrayArchive, name: string, values: Float32Array): void {
  if (allFinite(values)) return;
  const first = values.findIndex((value) => !Number.isFinite(value));
  const count = values.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0);
  const { shape, dtype, elementType } = archive.entry(name);
  const widened = elementType === "f8" ? " as float32" : "";
  const place = shape.length === 0 ? "" : ` at [${indexOf(first, shape).join(", ")}]`;
  throw new UserError(
    archive.path,
    `'${name}' holds ${values[first]}${place}${widened}: ${count} of ${values.length} values (${dtype}) are not finite`,
    "weights that are finite numbers",
    "take an earlier checkpoint of the run that wrote it, or other weights",
  );
}

/** Where in an array an element stands, by its number in C order. */
function indexOf(element: number, shape: readonly number[]): number[] {
  const index = shape.map(() => 0);
  let rest = element;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
}
