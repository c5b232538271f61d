import { stat } from "node:fs/promises";
import { UserError } from "../errors.js";
import { openForReading } from "./file-reading.js";

/** Files of a kind that a command writes under a name which people choose. */
export interface OwnKind {
  /** In words: "table of predictions". */
  readonly name: string;
  /** Tells one by its first `startBytes` bytes, a character each. */
  readonly matches: (start: string) => boolean;
}

const startBytes = 5000;

/**
 * Refuses to write over what the command did not make, such as a photo that a pattern put behind the
 * flag. Nothing, an empty file and an earlier one of the kind may be replaced; what is no file is left to
 * `writeFileAtomically`.
 * @throws UserError where another file lies there, or it cannot be read
 */
export async function requireReplaceable(
  path: string,
  { name, matches }: OwnKind,
  flag: string,
): Promise<void> {
  const next = `give another place with ${flag}`;
  const present = await stat(path).catch(() => undefined);
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
