/** Is an archive the published model that its name says? */
import { NpzReader } from "../archive/npz-reader.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { fitArchive, headClasses } from "../model/checkpoint.js";
import { type ArchiveDigest, type DigestOptions, digestArchive } from "./archive-digest.js";
import { modelBytes, type ZooModel } from "./models.js";

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
 * What is wrong with the archive at `path`, as far as its directory and the arrays' headers tell;
 * undefined where it is the model, whole. Values are not read: see proveArchive.
 */
export async function archiveProblem(
  path: string,
  model: ZooModel,
): Promise<ArchiveProblem | undefined> {
  let archive: NpzReader;
  try {
    archive = await NpzReader.open(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new ArchiveProblem(error.got, true, error);
  }
  try {
    const arrays = archive.names.map((name) => archive.entry(name));
    const classes = headClasses(arrays);
    if (classes === undefined || (model.exact && classes !== model.classes)) {
      const got = classes === undefined ? "no head" : `a head of ${classes} classes`;
      return new ArchiveProblem(`${got} instead of ${model.classes} classes`, false);
    }
    const specs = variableSpecs(parseArchitecture(model.name), classes);
    fitArchive(specs, arrays, { where: path, model: model.name, newHead: false });
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return new ArchiveProblem(error.got, false, error);
  } finally {
    await archive.close();
  }
}

/**
 * Reads all of the archive at `path` and proves it to be the model, whole and undamaged.
 * @throws ArchiveProblem where it is not
 */
export async function proveArchive(
  path: string,
  model: ZooModel,
  options: DigestOptions = {},
): Promise<ArchiveDigest> {
  const problem = await archiveProblem(path, model);
  if (problem !== undefined) throw problem;
  try {
    return await digestArchive(path, options);
  } catch (error) {
    throw error instanceof UserError ? new ArchiveProblem(error.got, true, error) : error;
  }
}

/** What to say of a fitting archive that is not as long as the official one, if that is known. */
export function sizeRemark(path: string, sizeBytes: number, model: ZooModel): string | undefined {
  const official = modelBytes(model);
  if (!model.exact || sizeBytes === official) return undefined;
  return `${path} has ${sizeBytes} bytes, the official archive ${official}; it is whole and fits, and stays`;
}
