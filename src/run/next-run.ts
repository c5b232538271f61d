/** Which of several runs processes that train together make next. */
import type { Sharing } from "./agree.js";

/** Of rank 0: says with which of several runs it goes on; null: with none. */
export async function announceNext(group: Sharing, run: number | null): Promise<void> {
  await group.share(run);
}

/** Of the other ranks: with which of several runs rank 0 goes on; null: with none. */
export async function announcedNext(group: Sharing): Promise<number | null> {
  const [next] = await group.share(null);
  return next as number | null;
}
