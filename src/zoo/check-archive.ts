/** Is an archive the published model that its name says? */
import { FiniteWatch } from "../archive/finite-watch.js";
import { NpzReader } from "../archive/npz-reader.js";
import { UserError } from "../errors.js";
import { parseArchitecture, type VariableSpec, variableSpecs } from "../model/architecture.js";
import { type FittedArchive, fitArchive, headClasses } from "../model/checkpoint.js";
import { checkWeights } from "../model/read-weights.js";
import { type ArchiveDigest, type DigestOptions, digestArchive } from "./archive-digest.js";
import { archiveBytes } from "./archive-size.js";
import type { ZooModel } from "./models.js";

/** What is wrong with an archive. */
export class ArchiveProblem extends Error {
  constructor(
    readonly got: string,
    /** Whether the archive cannot be read, rather than being another one. */
    readonly damaged: boolean,
    cause?: unknown,
  ) {
    super(got, { cause });
  }
}

/**
 * Outputs of the head of the archive at `path`, which fits the model as far as its directory and the
 * arrays' headers tell. Values are not read: see proveArchive.
 * @throws ArchiveProblem where it does not
 */
export async function classesIn(path: string, model: ZooModel): Promise<number> {
  return withFitting(path, model, async ({ classes }) => classes);
}

/** An open archive that fits a model, by its directory and the arrays' headers. */
interface Fitting {
  readonly archive: NpzReader;
  readonly classes: number;
  readonly specs: readonly VariableSpec[];
  readonly fitted: FittedArchive;
}

async function withFitting<T>(
  path: string,
  model: ZooModel,
  use: (fitting: Fitting) => Promise<T>,
): Promise<T> {
  const archive = await refusing(true, () => NpzReader.open(path));
  try {
    const fitting = await refusing(false, async () => {
      const arrays = archive.names.map((name) => archive.entry(name));
      const classes = headClasses(arrays);
      if (classes === undefined || (model.exact && classes !== model.classes)) {
        const got = classes === undefined ? "no head" : `a head of ${classes} classes`;
        throw new ArchiveProblem(`${got} instead of ${model.classes} classes`, false);
      }
      const specs = variableSpecs(parseArchitecture(model.name), classes);
      const fitted = fitArchive(specs, arrays, { where: path, model: model.name, newHead: false });
      return { archive, classes, specs, fitted };
    });
    return await use(fitting);
  } finally {
    await archive.close();
  }
}

/** What is wrong with the archive at `path`, as classesIn sees it; undefined where it is the model. */
export async function archiveProblem(
  path: string,
  model: ZooModel,
): Promise<ArchiveProblem | undefined> {
  try {
    await classesIn(path, model);
    return undefined;
  } catch (error) {
    if (error instanceof ArchiveProblem) return error;
    throw error;
  }
}

/** An archive that is the model, whole and undamaged. */
export interface ProvenArchive extends ArchiveDigest {
  /** Outputs of its head. */
  readonly classes: number;
}

/**
 * Reads all of the archive at `path` and proves it to be the model, whole and undamaged, with weights
 * that are finite numbers.
 * @throws ArchiveProblem where it is not
 */
export async function proveArchive(
  path: string,
  model: ZooModel,
  options: DigestOptions = {},
): Promise<ProvenArchive> {
  return withFitting(path, model, async ({ archive, classes, fitted, specs }) => {
    const watches = watchesOf(archive, fitted);
    const contents = (member: string, bytes: Uint8Array) => watches.get(member)?.add(bytes);
    const digest = await refusing(true, () => digestArchive(path, { ...options, contents }));
    // Read whole are only those that must be converted, and those in which something was found.
    const suspects = specs.filter(
      ({ name }) => watches.get(`${fitted.names.get(name)}.npy`)?.allFinite !== true,
    );
    await refusing(false, () => checkWeights(archive, fitted, suspects, options.signal));
    return { ...digest, classes };
  });
}

/** What looks at the values of each float32 array of the model as they come by, by member. */
function watchesOf(archive: NpzReader, { names }: FittedArchive): ReadonlyMap<string, FiniteWatch> {
  const watches = new Map<string, FiniteWatch>();
  for (const name of names.values()) {
    const { dtype, headerBytes } = archive.entry(name);
    if (dtype === "<f4") watches.set(`${name}.npy`, new FiniteWatch(headerBytes));
  }
  return watches;
}

/** Tells what an archive is refused for as an ArchiveProblem. */
async function refusing<T>(damaged: boolean, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof UserError ? new ArchiveProblem(error.got, damaged, error) : error;
  }
}

/** What to say of a fitting archive that is not as long as an official one with its head. */
export function sizeRemark(
  path: string,
  sizeBytes: number,
  { name }: ZooModel,
  classes: number,
): string | undefined {
  const official = archiveBytes(parseArchitecture(name), classes);
  if (sizeBytes === official) return undefined;
  return `${path} has ${sizeBytes} bytes, the official archive ${official}; it is whole and fits, and stays`;
}
