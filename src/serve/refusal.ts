/** An answer that is none: what is wrong with a request, and what to do about it. */
import type { OutgoingHttpHeaders } from "node:http";

/** What a refusal says besides its status. */
export interface RefusalWords {
  /** What was got. */
  readonly error: string;
  /** What would have been right. */
  readonly expected?: string;
  /** Of several images, those that are at fault. */
  readonly images?: readonly { readonly source: string; readonly error: string }[];
}

/** Thrown where a request is not answered as its client wants it; the fault is not the program's. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  /** @param status HTTP's, 400 to 599 */
  constructor(
    readonly status: number,
    readonly words: RefusalWords,
    readonly headers: OutgoingHttpHeaders = {},
  ) {
    super(words.error);
  }
}
