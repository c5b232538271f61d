/** What kind of archive a dataset's file is, told by its first bytes: its name may say otherwise. */
import { fileKind, isZip, KIND_BYTES } from "../../disk/file-kind.js";
import { openForReading, readExactly } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";

export type ArchiveKind = "zip" | "gzip" | "tar";

const WANTED = "the whole archive, as its publisher has it: a tar, a tar.gz or a zip";

/**
 * What an archive is; a tar where nothing tells.
 * @throws UserError where it cannot be read, or is something else: an error page, a pointer, a RAR archive
 */
export async function archiveKind(path: string): Promise<ArchiveKind> {
  const { handle, sizeBytes } = await openForReading(path, "check the path and its permissions");
  const bytes = new Uint8Array(Math.min(sizeBytes, KIND_BYTES));
  try {
    await readExactly(handle, bytes, 0);
  } finally {
    await handle.close();
  }
  if (isZip(bytes)) return "zip";
  const kind = fileKind(bytes);
  if (kind === undefined || kind.id === "tar") return "tar";
  if (kind.id === "gzip") return "gzip";
  const remedy = kind.remedy ?? "remove it, so that it is fetched again, or download it again";
  throw new UserError(path, `is ${kind.name}`, WANTED, remedy);
}
