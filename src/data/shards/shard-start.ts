/** What may lie in the place of a shard that was not downloaded. */

import { fileKind, KIND_BYTES } from "../../disk/file-kind.js";
import { openForReading } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";

/** What a download leaves that went wrong; other kinds the shards' own readers tell. */
const PLACEHOLDERS: readonly string[] = ["git-lfs", "html", "xml"];

/**
 * Refuses a file that stands for a shard, whatever the shard's format.
 * @throws UserError that says what it is; that it cannot be read
 */
export async function refusePlaceholder(shard: string): Promise<void> {
  const { handle } = await openForReading(shard, "give the path of a shard");
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(KIND_BYTES), 0, KIND_BYTES, 0);
    const kind = fileKind(buffer.subarray(0, bytesRead));
    if (kind === undefined || !PLACEHOLDERS.includes(kind.id)) return;
    throw new UserError(
      shard,
      `is ${kind.name}`,
      "the shard itself",
      kind.remedy ?? "download it again, and look at its size",
    );
  } finally {
    await handle.close();
  }
}
