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
  const all = listed(
    stretches.slice(0, mostStretches).flatMap(([first, last]) => {
      if (last - first > 1) return `${first} to ${last}`;
      return first === last ? `${first}` : [`${first}`, `${last}`];
    }),
  );
  if (stretches.length > mostStretches) return `${ranks.length} ranks, as ${all},`;
  return `${ranks.length === 1 ? "rank" : "ranks"} ${all}`;
}

/** `1, 2 and 3` */
function listed(texts: readonly string[]): string {
  const last = texts.at(-1) ?? "";
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(", ")} and ${last}`;
}
