import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { UserError } from "../errors.js";
import { writeProblem } from "./atomic-file.js";
import { openForReading } from "./file-reading.js";
import { sweepLeftovers } from "./temporary-name.js";

/** Files of a kind that a command writes under a name which people choose. */
export interface OwnKind {
  /** In words: "table of predictions". */
  readonly name: string;
  /** Tells one by its first `startBytes` bytes, a character each. */
  readonly matches: (start: string) => boolean;
}

const startBytes = 5000;

/**
 * Refuses, before any work, to write over what the command did not make, such as a photo that a pattern put behind the
 * flag, and where no file can be made. Nothing, an empty file and an earlier one of the kind may be replaced; what is no file is left to
 * `writeFileAtomically`.
 * @throws UserError where another file lies there, it cannot be read, or its folder is not there or closed
 */
export async function requireReplaceable(
  path: string,
  { name, matches }: OwnKind,
  flag: string,
): Promise<void> {
  const next = `give another place with ${flag}`;
  // Of an earlier command that was killed while it wrote there.
  await sweepLeftovers(dirname(path));
  const present = await stat(path).catch(() => undefined);
  if (present === undefined) await requireFolderOf(path);
  if (!present?.isFile() || present.size === 0) return;
  const { handle } = await openForReading(path, next);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(startBytes), 0, startBytes, 0);
    if (matches(buffer.toString("latin1", 0, bytesRead))) return;
  } finally {
    await handle.close();
  }
  throw new UserError(path, `is another file, no ${name}`, `no file, or an earlier ${name}`, next);
}

async function requireFolderOf(path: string): Promise<void> {
  // With a slash behind it, so that a file in its place is told.
  await access(`${dirname(path)}/`, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw writeProblem(path, error);
  });
}
