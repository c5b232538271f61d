/** The bytes of a request's body: all of them, no more than are allowed. */
import type { IncomingMessage } from "node:http";
import { Refusal } from "./refusal.js";
import type { HeldBytes } from "./waiting-room.js";

export interface BodyOptions {
  readonly maxBytes: number;
  /** Where the bytes are counted with those of others. */
  readonly held: HeldBytes;
}

/** The connection was closed before the body had ended. */
export class BrokenOff extends Error {
  override readonly name = "BrokenOff";
}

/**
 * Looks at what a request says of its body, before a byte of it is read.
 * @throws Refusal 411 where there is none, 413 where it is too long, 415 where it is packed, 503 where
 *   there is no room for it
 */
export function checkBodyHeaders(
  { headers }: Pick<IncomingMessage, "headers">,
  { maxBytes, held }: BodyOptions,
): void {
  const encoding = headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity")
    throw new Refusal(
      415,
      { error: `a body packed by ${encoding}`, expected: "no Content-Encoding" },
      { "accept-encoding": "identity" },
    );
  const length = headers["content-length"];
  if (length === undefined) {
    if (headers["transfer-encoding"] === undefined)
      throw new Refusal(411, {
        error: "no body",
        expected: "an image as the body, its length in Content-Length",
      });
    return;
  }
  if (Number(length) > maxBytes) throw tooLong(maxBytes);
  held.grow(Number(length));
}

/**
 * Reads a body.
 * @throws Refusal 413 where it grows too long, 503 where there is no room for it
 * @throws BrokenOff where its client goes
 */
export async function readBody(
  request: IncomingMessage,
  { maxBytes, held }: BodyOptions,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  await eachChunk(request, (chunk) => {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLong(maxBytes);
    held.grow(bytes);
    chunks.push(chunk);
  });
  const [only] = chunks;
  return chunks.length === 1 ? only! : Buffer.concat(chunks, bytes);
}

/**
 * Reads what is left of a body and forgets it, so that a client that sends first and then listens hears the
 * answer; up to some bytes, and for some time.
 * @returns whether it came to its end
 */
export async function drain(
  request: IncomingMessage,
  { mostBytes, mostMs }: { readonly mostBytes: number; readonly mostMs: number },
): Promise<boolean> {
  if (request.complete && request.readableLength === 0) return true;
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the body comes too slowly")), mostMs);
  });
  const all = eachChunk(request, (chunk) => {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new Error("the body is too long");
  });
  try {
    await Promise.race([all, late]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    all.catch(() => undefined);
  }
}

/** (Iterating a request would close its connection where the loop is left.) */
function eachChunk(request: IncomingMessage, told: (chunk: Uint8Array) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (outcome: () => void) => {
      request.off("data", data).off("end", end).off("error", closed).off("close", closed);
      request.pause();
      outcome();
    };
    const data = (chunk: Uint8Array) => {
      try {
        told(chunk);
      } catch (error) {
        ended(() => reject(error));
      }
    };
    const end = () => ended(resolve);
    const closed = () => ended(() => reject(new BrokenOff()));
    if (request.readableEnded) return resolve();
    if (request.destroyed) return closed();
    request.on("data", data).on("end", end).on("error", closed).on("close", closed);
    request.resume();
  });
}

function tooLong(maxBytes: number): Refusal {
  return new Refusal(413, {
    error: `a body of more than ${maxBytes} bytes`,
    expected: `at most ${maxBytes} (--max_bytes)`,
  });
}
