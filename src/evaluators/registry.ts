/** The evaluators that there are: every file of `measures/`, each of which exports an `evaluator`. */
import { readdir } from "node:fs/promises";
import type {
  EvaluatedSubject,
  Evaluation,
  Evaluator,
  Example,
  Measured,
  Measurement,
} from "./evaluator.js";

const measures = new URL("./measures/", import.meta.url);

/**
 * Evaluators in the order of their names.
 * @param folder of compiled files, as a URL that ends in `/`
 * @throws Error where a file of it exports none, or two have one name
 */
export async function findEvaluators(folder: URL = measures): Promise<readonly Evaluator[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".js")).sort();
  const found: Evaluator[] = [];
  for (const file of files) {
    const module: unknown = await import(new URL(file, folder).href);
    if (!hasEvaluator(module)) throw new Error(`${file} exports no evaluator`);
    const { evaluator } = module;
    if (found.some(({ name }) => name === evaluator.name))
      throw new Error(`${file}: ${evaluator.name} is the name of another evaluator`);
    found.push(evaluator);
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function hasEvaluator(module: unknown): module is { readonly evaluator: Evaluator } {
  if (typeof module !== "object" || module === null || !("evaluator" in module)) return false;
  const { evaluator } = module;
  return (
    typeof evaluator === "object" &&
    evaluator !== null &&
    "name" in evaluator &&
    typeof evaluator.name === "string" &&
    "begin" in evaluator &&
    typeof evaluator.begin === "function"
  );
}

/** What evaluators found, by their names, in their order. */
export type Measures = Readonly<Record<string, Measured>>;

/** Those of some evaluators that have something to say of a subject, in one pass. */
export class AllMeasures implements Evaluation {
  private readonly begun: readonly (readonly [string, Measurement])[];

  constructor(subject: EvaluatedSubject, evaluators: readonly Evaluator[]) {
    this.begun = evaluators.flatMap((one) => {
      const measurement = one.begin(subject);
      return measurement === undefined ? [] : [[one.name, measurement] as const];
    });
  }

  /** Begins with all evaluators that there are. */
  static async begin(subject: EvaluatedSubject): Promise<AllMeasures> {
    return new AllMeasures(subject, await findEvaluators());
  }

  add(example: Example): void {
    for (const [, one] of this.begun) one.add(example);
  }

  /** To be called once, after the last image. */
  finish(): Measures {
    return Object.fromEntries(this.begun.map(([name, one]) => [name, one.finish()]));
  }
}

/** What evaluators found, for programs: their values by their names. */
export function valuesOf(measures: Measures): Readonly<Record<string, Measured["values"]>> {
  return Object.fromEntries(Object.entries(measures).map(([name, { values }]) => [name, values]));
}
