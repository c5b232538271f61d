/** Where a network's variables start: from an archive, or from random numbers. */
import { randomNormal } from "d3-random";
import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import type { NpzReader } from "../archive/npz-reader.js";
import type { NumericData } from "../archive/numeric-array.js";
import { sizeOf } from "../graph/shape.js";
import { headKernel, type VariableSpec } from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { keyedGenerator, randomStream } from "../recipe/keyed-random.js";

type Values = AsyncGenerator<readonly [VariableSpec, Float32Array]>;

/**
 * A network's variables from an archive, one at a time.
 * @param newHead start the head at zero, as fine-tuning on a new task does; the archive's is not read
 * @throws UserError where the archive does not fit, or an array of it is damaged
 */
export async function* archiveValues(
  archive: NpzReader,
  specs: readonly VariableSpec[],
  { model, newHead }: { model: string; newHead: boolean },
): Values {
  const arrays = archive.names.map((name) => archive.entry(name));
  const names = fitArchive(specs, arrays, { where: archive.path, model, newHead });
  for (const spec of specs) {
    const name = names.get(spec.name);
    if (name === undefined) yield [spec, new Float32Array(sizeOf(spec.shape))];
    else yield [spec, asFloat32((await archive.read(name)).data)];
  }
}

function asFloat32(data: NumericData): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data, Number);
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
