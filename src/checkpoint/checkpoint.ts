/**
 * A checkpoint's arrays, in two files. The model: those of the official variable names, which any BiT
 * tool can load, and a record of how it is to be judged. The optimizer: each variable's momentum and
 * the run's position. Official loaders look for the variables' names in all the names that they find,
 * and would take momentum for weights. Randomness needs no more than the seed and the step: order,
 * augmentation and mixup are functions of the two.
 */
import type { NpzEntry, NpzReader } from "../archive/npz-reader.js";
import type { NamedArray } from "../archive/numeric-array.js";
import { sizeOf } from "../archive/shape.js";
import type { Session } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { VariableSpec } from "../model/architecture.js";
import { lossScalePrefix } from "../model/checkpoint.js";
import { recordMember } from "../record/archive-record.js";
import type { RunRecord } from "../record/run-record.js";
import type { TrainProgram } from "../step/program.js";
import { assignVariables, readVariables } from "../step/variables.js";

const stepArray = "training/step";
const seedArray = "training/seed";

/** Where a run stands, as its checkpoint tells. */
export interface RunPosition {
  /** Steps done. */
  readonly steps: number;
  readonly seed: number;
}

/** Something of each of a checkpoint's two archives: `checkpoint.npz` and `optimizer.npz`. */
export interface ByFile<T> {
  readonly model: T;
  readonly optimizer: T;
}

/** Arrays that are made one after the other: each may be lost when the next is asked for. */
export type Arrays = AsyncIterable<NamedArray> | Iterable<NamedArray>;

/** A program's state and position, array by array. */
export function stateArrays(
  { session, variables, optimizerState }: TrainProgram,
  { steps, seed }: RunPosition,
  record: RunRecord,
): ByFile<Arrays> {
  return {
    model: valuesAnd(session, variables, [recordMember(record, steps)]),
    optimizer: valuesAnd(session, optimizerState, [
      { name: stepArray, array: { shape: [], data: Int32Array.of(steps) } },
      { name: seedArray, array: { shape: [], data: Float64Array.of(seed) } },
    ]),
  };
}

async function* valuesAnd(
  session: Session,
  variables: readonly VariableSpec[],
  others: readonly NamedArray[],
): AsyncGenerator<NamedArray> {
  for await (const [{ name, shape }, data] of readVariables(session, variables))
    yield { name, array: { shape, data } };
  yield* others;
}

/** Bytes of a program's state. */
export function stateBytes({ variables, optimizerState }: TrainProgram): ByFile<number> {
  const bytes = (specs: readonly VariableSpec[]) =>
    specs.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
  return { model: bytes(variables), optimizer: bytes(optimizerState) };
}

/**
 * Where the run stood that wrote an optimizer's state, or undefined where no run of ours did.
 * @param manifest what must agree with it
 * @throws UserError where it is no position, or not the manifest's
 */
export async function readPosition(
  archive: NpzReader,
  manifest: RunPosition | undefined,
): Promise<RunPosition | undefined> {
  if (!archive.has(stepArray) || !archive.has(seedArray)) return undefined;
  const numberIn = async (name: string, dtype: string, expected: number | undefined) => {
    requireArray(archive, name, { shape: [], dtype });
    const value = Number((await archive.read(name)).data[0]);
    // An integer is read as it is, a float64 as float32.
    const stored = dtype === "<f8" && expected !== undefined ? Math.fround(expected) : expected;
    const agrees = stored === undefined || value === stored;
    if (!agrees || !Number.isInteger(value) || value < 0)
      throw unlike(archive, `${name} is ${value}`, `${expected ?? "a whole number, at least 0"}`);
    return value;
  };
  const steps = await numberIn(stepArray, "<i4", manifest?.steps);
  const seed = await numberIn(seedArray, "<f8", manifest?.seed);
  return { steps, seed };
}

/** Throws UserError where an array is of another shape or type, before any memory is taken for it. */
function requireArray(
  archive: NpzReader,
  name: string,
  wanted: Pick<NpzEntry, "shape" | "dtype">,
): void {
  const shown = ({ dtype, shape }: typeof wanted) => `${dtype} of shape [${shape.join(", ")}]`;
  const [got, expected] = [shown(archive.entry(name)), shown(wanted)];
  if (got !== expected) throw unlike(archive, `${name} is ${got}`, expected);
}

function unlike({ path }: NpzReader, got: string, expected: string): UserError {
  return new UserError(
    path,
    got,
    `${expected}, as the run wrote it`,
    "move this checkpoint away, and the run goes on from the one before it",
  );
}

/**
 * Sets a program's optimizer from a checkpoint's file. Variables come through `loadArchive`. What scales
 * the loss in float16 stays as it is where a run of another precision wrote the checkpoint.
 * @throws UserError where the archive lacks a part of it, as momentum, or holds it in another shape
 */
export async function restoreOptimizer(archive: NpzReader, program: TrainProgram): Promise<void> {
  const { session, optimizerState } = program;
  const wanted = optimizerState.filter(
    ({ name }) => archive.has(name) || !name.startsWith(lossScalePrefix),
  );
  const lacking = wanted.filter(({ name }) => !archive.has(name));
  if (lacking.length > 0) {
    throw new UserError(
      archive.path,
      `lacks ${lacking.length} arrays of the optimizer, the first being ${lacking[0]!.name}`,
      "a checkpoint with its optimizer.npz, as the run's checkpoints/ holds them",
      "bring checkpoints/ back, or start a new run: --weights checkpoint.npz with another --name",
    );
  }
  for (const { name, shape } of wanted) requireArray(archive, name, { shape, dtype: "<f4" });
  const values = async function* (): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
    for (const spec of wanted) yield [spec, (await archive.read(spec.name)).data as Float32Array];
  };
  await assignVariables(session, values());
}
