/** A decoding error of the engine, told as the user's file, or record of a file, that caused it. */
import type { FileSource, Split } from "../data/dataset.js";
import { SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import { type DecodingEngine, findUnreadable, type UndecodableImage } from "../input/unreadable.js";

/** Images among which the culprit may be. */
export interface Suspects {
  readonly images: Split["images"];
  /** Which of them; all, where it is left out. */
  readonly indices?: Iterable<number>;
}

/**
 * The error to throw in place of `error`, with the name of the image that cannot be decoded;
 * undefined where the error is of another kind.
 * @param otherwise what can be done besides mending the file
 */
export async function unreadableImage(
  error: unknown,
  engine: DecodingEngine,
  suspects: readonly Suspects[],
  otherwise: string,
): Promise<UserError | undefined> {
  if (!(error instanceof SessionError)) return undefined;
  for (const { images, indices } of suspects) {
    if (images.kind !== "files") continue;
    const found = await findUnreadable(engine, images, indices ?? images.paths.keys());
    if (found !== undefined) return undecodable(found, images, otherwise, error);
  }
  return undefined;
}

/** An image that the engine cannot decode, as a user's mistake. */
export function undecodable(
  { path, reason }: Pick<UndecodableImage, "path" | "reason">,
  { ranges }: Pick<FileSource, "ranges">,
  otherwise: string,
  cause: unknown,
): UserError {
  return new UserError(
    path,
    `cannot be decoded (${reason})`,
    "an image that opens in a viewer",
    `${ranges === undefined ? "mend the file" : "write it anew"}, or ${otherwise}`,
    { cause },
  );
}
