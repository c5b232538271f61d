import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

/**
 * The digest of a file's bytes, in lower-case hexadecimal digits; memory does not grow with the file.
 * @throws the signal's reason, and the system's errors as they come
 */
export async function fileHash(
  path: string,
  algorithm: "sha256" | "md5",
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    signal?.throwIfAborted();
    hash.update(chunk as Buffer);
  }
  return hash.digest("hex");
}
