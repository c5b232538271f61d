/** Checks a model that is in a folder against its own checksums and the recorded one. */
import { stat } from "node:fs/promises";
import type { DigestOptions } from "./archive-digest.js";
import { ArchiveProblem, type ProvenArchive, proveArchive, sizeRemark } from "./check-archive.js";
import { CHECKSUMS, readChecksums } from "./checksums.js";
import { modelPath, type ZooModel } from "./models.js";

/** What came of the check; `text` is one line for people. */
export interface Verdict {
  readonly name: string;
  readonly path: string;
  readonly good: boolean;
  readonly text: string;
}

/**
 * Reads all of a model's archive: is it the model, has every array its CRC-32, and the file the
 * SHA-256 that `<folder>/SHA256SUMS` has? A file that has none there is good without. Nothing is
 * written.
 */
export async function verifyModel(
  model: ZooModel,
  { folder = ".", ...options }: DigestOptions & { readonly folder?: string | undefined } = {},
): Promise<Verdict> {
  const { name } = model;
  const path = modelPath(folder, name);
  const verdict = (good: boolean, text: string) => ({ name, path, good, text: `${path}: ${text}` });
  if ((await stat(path).catch(() => undefined)) === undefined)
    return verdict(false, "there is no such file");
  let proven: ProvenArchive;
  try {
    proven = await proveArchive(path, model, options);
  } catch (error) {
    if (error instanceof ArchiveProblem) return verdict(false, `is not ${name}: ${error.got}`);
    throw error;
  }
  const { sizeBytes, sha256, classes } = proven;
  const recorded = (await readChecksums(folder)).get(`${name}.npz`);
  if (recorded !== undefined && recorded !== sha256)
    return verdict(false, `its SHA-256 is ${sha256}, ${CHECKSUMS} has ${recorded}`);
  const remark = sizeRemark(path, sizeBytes, model, classes);
  const size = remark === undefined ? "" : ", not the official size";
  const known = recorded === undefined ? `not in ${CHECKSUMS}` : `as in ${CHECKSUMS}`;
  return verdict(true, `whole, ${sizeBytes} bytes${size}, SHA-256 ${sha256} (${known})`);
}
