/** Checks a model that is in a folder against its own checksums and the recorded one. */
import { stat } from "node:fs/promises";
import type { DigestOptions } from "./archive-digest.js";
import { ArchiveProblem, type ProvenArchive, proveArchive, sizeRemark } from "./check-archive.js";
import { CHECKSUMS, readChecksums } from "./checksums.js";
import { partPath } from "./local-models.js";
import { modelPath, type ZooModel } from "./models.js";

/** What came of the check; `text` is one line for people. */
export interface Verdict {
  readonly name: string;
  readonly path: string;
  readonly good: boolean;
  /** Whether there is only a part of it, of a download under way or broken off. */
  readonly unfinished: boolean;
  readonly text: string;
}

/**
 * Reads all of a model's archive: is it the model, has every array its CRC-32, and the file the
 * SHA-256 that `<folder>/SHA256SUMS` has? A file that has none there is good without. A `.part` of a
 * download that lies there is named. Nothing is written.
 */
export async function verifyModel(
  model: ZooModel,
  { folder = ".", ...options }: DigestOptions & { readonly folder?: string | undefined } = {},
): Promise<Verdict> {
  const { name } = model;
  const path = modelPath(folder, name);
  const part = await unfinishedPart(path);
  const verdict = (good: boolean, text: string, unfinished = false) => {
    const beside = part === undefined || unfinished ? "" : `; beside it lies ${part}`;
    return { name, path, good, unfinished, text: `${path}: ${text}${beside}` };
  };
  if ((await stat(path).catch(() => undefined)) === undefined) {
    const there = part === undefined ? "" : `, only ${part}`;
    return verdict(false, `there is no such file${there}`, part !== undefined);
  }
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

/** Names what a download under way or broken off has left of a file. */
async function unfinishedPart(path: string): Promise<string | undefined> {
  const part = partPath(path);
  const sizeBytes = (await stat(part).catch(() => undefined))?.size ?? 0;
  return sizeBytes > 0 ? `${part}, ${sizeBytes} bytes of an unfinished download` : undefined;
}
