/** Does an archive fit a model? Which of its arrays belongs to which variable? */
import { UserError } from "../errors.js";
import { headBias, headKernel, type VariableSpec } from "./architecture.js";

/** An array of an archive, as far as fitting needs to know it. */
export interface ArchiveArray {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Where float16's loss scaling keeps its state, which a run of another precision does not have. */
export const lossScalePrefix = "loss_scale/";

/** What an archive has beside a network's variables: an optimizer's state, a run's position. */
const statePrefixes = ["momentum/", lossScalePrefix, "training/"];

/**
 * The name that a variable has here: Keras numbers its layers (`standardized_conv2d_12`), and the
 * official archives do so in places.
 */
function canonicalName(name: string): string {
  return name.replace(/\b(standardized_conv2d|group_norm|conv2d)_\d+(?=\/)/g, "$1");
}

/** Whether values of `stored` shape are those of `wanted`, up to axes of length 1. */
function sameShape(stored: readonly number[], wanted: readonly number[]): boolean {
  const trimmed = (shape: readonly number[]) => shape.filter((size) => size !== 1).join();
  return trimmed(stored) === trimmed(wanted);
}

function isHead(name: string): boolean {
  return name === headKernel || name === headBias;
}

/**
 * Finds the array of each variable.
 * @param where the archive, for messages
 * @param model the model's name, for messages
 * @param newHead the head starts anew: the archive's own head, of whatever size, is passed over
 * @returns names in the archive by names of variables; with `newHead` without the head's
 * @throws UserError that lists all that is missing, unexpected and of the wrong shape
 */
export function fitArchive(
  specs: readonly VariableSpec[],
  arrays: readonly ArchiveArray[],
  { where, model, newHead }: { where: string; model: string; newHead: boolean },
): Map<string, string> {
  const wanted = newHead ? specs.filter(({ name }) => !isHead(name)) : specs;
  const relevant = arrays.filter(({ name }) => {
    if (statePrefixes.some((prefix) => name.startsWith(prefix))) return false;
    return !(newHead && isHead(canonicalName(name)));
  });
  const byName = new Map(relevant.map((array) => [canonicalName(array.name), array]));
  const found = new Map<string, string>();
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const { name, shape } of wanted) {
    const array = byName.get(name);
    byName.delete(name);
    if (array === undefined) missing.push(name);
    else if (!sameShape(array.shape, shape))
      misshapen.push(`${name}: ${shown(array.shape)} instead of ${shown(shape)}`);
    else found.set(name, array.name);
  }
  const unexpected = [...byName.values()].map(({ name }) => name);
  const problems = [
    ...listing("missing", missing),
    ...listing("unexpected", unexpected),
    ...listing("of another shape", misshapen),
  ];
  if (problems.length > 0) {
    throw new UserError(
      where,
      `does not fit ${model}: ${problems.join("; ")}`,
      `the ${wanted.length} variables of ${model}`,
      "choose the model that the archive was made for with --model",
    );
  }
  return found;
}

/** The number of classes of the head that an archive holds, or undefined where it holds none. */
export function headClasses(arrays: readonly ArchiveArray[]): number | undefined {
  return arrays.find(({ name }) => canonicalName(name) === headBias)?.shape.at(-1);
}

// A wrong model differs in hundreds of places: the first few tell which.
const longestList = 8;

function listing(what: string, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const some = names.slice(0, longestList).join(", ");
  const more = names.length > longestList ? `, and ${names.length - longestList} more` : "";
  return [`${names.length} ${what} (${some}${more})`];
}

function shown(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}
