/** Ranks as people read them. */

/** So many stretches are named; of more, how many ranks there are. */
const mostStretches = 5;

/** `rank 1`, `ranks 1 and 3`, `ranks 1 to 63`, `ranks 1, 3 to 5 and 9`, `30 ranks, as 1, 3 and 5`. @param ranks ascending */
export function ranksText(ranks: readonly number[]): string {
  const stretches: [first: number, last: number][] = [];
  for (const rank of ranks) {
    const last = stretches.at(-1);
    if (last?.[1] === rank - 1) last[1] = rank;
    else stretches.push([rank, rank]);
  }
  const texts = stretches.map(([first, last]) => {
    if (first === last) return `${first}`;
    return last === first + 1 ? `${first}, ${last}` : `${first} to ${last}`;
  });
  if (texts.length > mostStretches)
    return `${ranks.length} ranks, as ${listed(texts.slice(0, mostStretches))},`;
  return `${ranks.length === 1 ? "rank" : "ranks"} ${listed(texts)}`;
}

/** `1, 2 and 3` */
function listed(texts: readonly string[]): string {
  const all = texts.flatMap((text) => text.split(", "));
  const last = all.pop() ?? "";
  return all.length === 0 ? last : `${all.join(", ")} and ${last}`;
}
