/** Where a network's variables start: from an archive, or from random numbers. */
import { randomNormal } from "d3-random";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import type { ArrayArchive, ArrayPlace } from "../archive/array-entry.js";
import { sizeOf } from "../archive/shape.js";
import { type Session, SessionError } from "../engine/session.js";
import { headKernel, type VariableSpec } from "../model/architecture.js";
import { type FittedArchive, fitArchive } from "../model/checkpoint.js";
import { isInOrder, readWeights } from "../model/read-weights.js";
import { keyedGenerator, randomStream } from "../recipe/keyed-random.js";
import {
  assignVariables,
  type GraphVariable,
  loadVariables,
  type VariableGroup,
} from "./variables.js";

type Values = AsyncGenerator<readonly [VariableSpec, Float32Array]>;

/** How an archive is to fit a network. */
export interface ArchiveFit {
  /** The model's name, for messages. */
  readonly model: string;
  /** Start the head at zero, as fine-tuning on a new task does; the archive's is not read. */
  readonly newHead: boolean;
}

/**
 * Sets a network's variables from an archive. A group of variables whose arrays all lie there as
 * the engine wants them is read by the engine itself, all else here; the values are the same.
 *
 * @throws UserError where the archive does not fit, or an array of it is damaged or holds a value that
 *   is not finite
 */
export async function loadArchive(
  session: Session,
  archive: ArrayArchive,
  variables: readonly GraphVariable[],
  fit: ArchiveFit,
): Promise<void> {
  const arrays = archive.names.map((name) => archive.entry(name));
  const fitted = fitArchive(variables, arrays, { where: archive.path, ...fit });
  const loaded = new Set<string>();
  try {
    for (const group of new Set(variables.flatMap((variable) => variable.group ?? []))) {
      const places = placesOf(archive, group, fitted);
      if (places === undefined) continue;
      await loadVariables(session, group, places);
      for (const name of group.members) loaded.add(name);
    }
  } catch (error) {
    // TensorFlow's message does not tell the array. Read here, the one at fault is named.
    if (!(error instanceof SessionError) || error.outOfMemory) throw error;
  }
  const others = variables.filter(({ name }) => !loaded.has(name));
  await assignVariables(session, valuesOf(archive, others, fitted));
}

/** Where a group's arrays lie; undefined unless all of them lie there as the engine wants them. */
function placesOf(
  archive: ArrayArchive,
  { members }: VariableGroup,
  fitted: FittedArchive,
): ArrayPlace[] | undefined {
  const places: ArrayPlace[] = [];
  for (const member of members) {
    const name = fitted.names.get(member);
    if (name === undefined || !isInOrder(fitted, member)) return undefined;
    const place = archive.place(name);
    if (place === undefined) return undefined;
    places.push(place);
  }
  return places;
}

/** Variables' values from an archive; zeros for a variable that it has none for. */
async function* valuesOf(
  archive: ArrayArchive,
  specs: readonly VariableSpec[],
  fitted: FittedArchive,
): Values {
  for (const spec of specs) {
    const values = await readWeights(archive, fitted, spec);
    yield [spec, values ?? new Float32Array(sizeOf(spec.shape))];
  }
}

/**
 * Random variables, for training from scratch: kernels from a normal distribution of variance
 * 2 / fan-in (He et al., arXiv 1502.01852), gamma 1, beta 0, and a head of zeros.
 */
export async function* randomValues(specs: readonly VariableSpec[], seed: number): Values {
  for (const [index, spec] of specs.entries()) {
    const values = new Float32Array(sizeOf(spec.shape));
    if (spec.name.endsWith("/gamma")) values.fill(1);
    else if (spec.name.endsWith("/kernel") && spec.name !== headKernel) {
      const generator = keyedGenerator(randomStream.initialization, seed, index, 0);
      const fanIn = sizeOf(spec.shape.slice(0, -1));
      const draw = randomNormal.source(() => uniformFloat64(generator))(0, Math.sqrt(2 / fanIn));
      for (let i = 0; i < values.length; i++) values[i] = draw();
    }
    yield [spec, values];
  }
}
