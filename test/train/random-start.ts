/** Variables to begin with that are not zero, so that every gradient is not zero either. */

import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { keyedGenerator, randomStream } from "../../src/recipe/keyed-random.js";
import { randomValues } from "../../src/step/initial-values.js";
import type { Program } from "../../src/step/program.js";
import { assignVariables } from "../../src/step/variables.js";

/** Random kernels, and a head that does not guess. */
export async function assignInitial({ session, variables }: Program): Promise<void> {
  await assignVariables(session, randomValues(variables, 5));
  const generator = keyedGenerator(randomStream.initialization, 5, 99, 0);
  const head = variables.filter(({ name }) => /head\/.*kernel$/.test(name));
  const entries = head.map((variable) => {
    const size = variable.shape.reduce((product, side) => product * side, 1);
    const values = Float32Array.from({ length: size }, () => uniformFloat64(generator) / 10);
    return [variable, values] as const;
  });
  await assignVariables(session, entries);
}
