/** Which of several runs processes that train together make next. */
import type { Sharing } from "./agree.js";

/** One of the runs; or that there is no other, and the exit code of all processes. */
export type Next = { readonly run: number } | { readonly exit: number };

/** Of rank 0: says how it goes on. */
export async function announceNext(group: Sharing, next: Next): Promise<void> {
  await group.share(next);
}

/** Of the other ranks: how rank 0 goes on. */
export async function announcedNext(group: Sharing): Promise<Next> {
  const [next] = await group.share(null);
  return next as Next;
}
