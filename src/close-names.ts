/** Suggests known names for one that is unknown. */

/**
 * `perhaps this or that`: the known names nearest to `name`, best first, at most `count`, and none that
 * shares too little with it. Upper and lower case are the same.
 * @returns undefined where none is near
 */
export function perhaps(name: string, known: readonly string[], count = 3): string | undefined {
  return perhapsOne(closeNames(name, known, count));
}

/** `perhaps this or that`, of names that are near; undefined where there is none. */
export function perhapsOne(near: readonly string[]): string | undefined {
  return near.length > 0 ? `perhaps ${near.join(" or ")}` : undefined;
}

/** The known names nearest to `name`, as in `perhaps`. */
export function closeNames(name: string, known: readonly string[], count = 3): string[] {
  const farthest = Math.max(2, name.length / 3);
  return (
    known
      .map((one) => ({ one, edits: editDistance(name.toLowerCase(), one.toLowerCase()) }))
      // Of short names two letters are half of them, and tell of no slip.
      .filter(
        ({ one, edits }) => edits <= farthest && 2 * edits < Math.max(name.length, one.length),
      )
      .sort((a, b) => a.edits - b.edits)
      .slice(0, count)
      .map(({ one }) => one)
  );
}

/** Letters to insert, remove or exchange, and neighbours to swap: Damerau's and Levenshtein's, without later edits of a swap. */
function editDistance(a: string, b: string): number {
  let beforeThat: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const exchanged = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? beforeThat[j - 2]! + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(exchanged, swapped, above[j]! + 1, row[j - 1]! + 1));
    }
    [beforeThat, above] = [above, row];
  }
  return above[b.length]!;
}
