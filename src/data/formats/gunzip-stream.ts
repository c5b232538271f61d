/** A gzip file as a stream of what it holds, and no more of that than a limit. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";

/** A file that unpacks to more than it may. */
export class TooLargeError extends Error {}

/**
 * Passes on what a file holds.
 * @param mostBytes of what is passed on
 * @param to takes it; is ended, or destroyed where the file is damaged
 * @throws TooLargeError, and zlib's and the system's errors as they come
 */
export async function streamUnpacked(
  path: string,
  { gzip, mostBytes }: { readonly gzip: boolean; readonly mostBytes: number },
  to: NodeJS.WritableStream,
  signal?: AbortSignal,
): Promise<void> {
  async function* limited(chunks: AsyncIterable<Buffer>) {
    let passedBytes = 0;
    for await (const chunk of chunks) {
      passedBytes += chunk.length;
      if (passedBytes > mostBytes) throw new TooLargeError(`more than ${mostBytes} bytes`);
      yield chunk;
    }
  }
  const options = signal === undefined ? {} : { signal };
  const file = createReadStream(path);
  await (gzip
    ? pipeline(file, createGunzip(), limited, to, options)
    : pipeline(file, limited, to, options));
}
