/** What may lie in the place of a shard that was not downloaded. */

import { isWebPage } from "../../archive/file-kind.js";
import { openForReading } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";

const START_BYTES = 64;

/**
 * Refuses a file that stands for a shard, whatever the shard's format.
 * @throws UserError that says what it is; that it cannot be read
 */
export async function refusePlaceholder(shard: string): Promise<void> {
  const { handle } = await openForReading(shard, "give the path of a shard");
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(START_BYTES), 0, START_BYTES, 0);
    const start = buffer.subarray(0, bytesRead);
    const isPointer = Buffer.from(start).toString("latin1").startsWith("version https://git-lfs");
    if (!isPointer && !isWebPage(start)) return;
    throw new UserError(
      shard,
      isPointer ? "a Git LFS pointer in place of the file" : "a web page in place of the file",
      "the shard itself",
      isPointer ? "fetch it: git lfs pull" : "download it again, and look at it",
    );
  } finally {
    await handle.close();
  }
}
