/** Verifies a copy of an export: its files, and what it computes. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fileHash } from "../disk/file-hash.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { ExportFormatName } from "../settings/choices.js";
import { exportFormat } from "./formats.js";
import { largestDifference, readGolden, readGoldenImages } from "./golden.js";

export interface VerifyReport {
  readonly folder: string;
  readonly format: ExportFormatName;
  readonly model: string;
  readonly files: number;
  /** Of logits of the golden images, as a share of their spread. */
  readonly largestDifference: number;
  readonly tolerance: number;
}

/**
 * Verifies an export, from its folder alone.
 * @throws UserError where a file is missing or changed, or the logits are others
 */
export async function verifyExport(folder: string, engine: Engine): Promise<VerifyReport> {
  const golden = await readGolden(folder);
  for (const { name, bytes, sha256 } of golden.files) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw changed(path, "is missing");
    if (found.size !== bytes) throw changed(path, `has ${found.size} bytes, not ${bytes}`);
    if ((await fileHash(path, "sha256")) !== sha256) throw changed(path, "has other contents");
  }
  const { format, model, classes, size, tolerance } = golden;
  const files = golden.images.map(({ file }) => file);
  const { images, shape } = await readGoldenImages(folder, files, size, engine);
  const expected = golden.images.flatMap(({ logits }) => logits);
  const opened = await (await exportFormat(format)).open(folder, engine);
  try {
    const difference = largestDifference(await opened.logits(images, shape), expected, classes);
    if (!(difference <= tolerance))
      throw changed(folder, `computes other logits: off by ${difference} of their spread`);
    const report = { folder, format, model, files: golden.files.length, tolerance };
    return { ...report, largestDifference: difference };
  } finally {
    await opened.close();
  }
}

function changed(where: string, got: string): UserError {
  return new UserError(
    where,
    got,
    "as it was when bit-export made it",
    "copy the export again, or export again",
  );
}
