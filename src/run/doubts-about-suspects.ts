/** When so many images are called suspicious that the labels, or the features, are what is to be doubted. */
import { counted } from "../counted.js";

/**
 * Of the images that were judged, more suspects than this are no outliers. Of ten known test sets 3.3 % of the labels are
 * wrong on average, and 10 % in the worst (Northcutt, Athalye and Mueller, "Pervasive Label Errors in Test Sets
 * Destabilize Machine Learning Benchmarks", NeurIPS 2021): of a quarter, most are right, or the labels are worse than
 * all of those. docs/find.md has what was tried.
 */
const believableShare = 1 / 4;

/** The votes presume that most images of a class are rightly in it. */
const believableShareOfClass = 1 / 2;

// Of a few images a half is soon there.
const fewest = 5;

/** How often each name is there. */
export function namesCounted(names: readonly (string | undefined)[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/**
 * What speaks against the verdict on a folder, as notes.
 * @param suspects by their folders, and by their neighbours
 * @param classes of each image
 * @param faults images that could not be decoded, by their place
 */
export function doubtsAbout(
  suspects: readonly { readonly class: string; readonly likely: string }[],
  classes: readonly (string | undefined)[],
  faults: ReadonlyMap<number, string>,
): string[] {
  const counts = namesCounted(classes.filter((_, index) => !faults.has(index)));
  const single = [...counts.values()].filter((count) => count === 1).length;
  const judged = [...counts.values()].reduce((sum, count) => sum + count, 0) - single;
  const notes: string[] = [];
  if (single > 0)
    notes.push(
      `${counted(single, "class has", "classes have")} one image only, which has no neighbour of its ` +
        "class to vote for it: not judged",
    );
  if (suspects.length > judged * believableShare)
    return [
      ...notes,
      `${suspects.length} of ${judged} are too many to be outliers: either the labels or these features are not to be ` +
        "trusted (docs/find.md). Look at the first few; where their labels are right, try another model or a larger --size",
    ];
  for (const [name, count] of namesCounted(suspects.map((suspect) => suspect.class))) {
    const all = counts.get(name)!;
    if (count < fewest || count <= all * believableShareOfClass) continue;
    const likely = namesCounted(
      suspects.flatMap((suspect) => (suspect.class === name ? [suspect.likely] : [])),
    );
    const [most] = [...likely].sort(([, a], [, b]) => b - a);
    notes.push(
      `${count} of the ${all} images of ${name} are suspicious, mostly taken for ${most![0]}: most of a class are no ` +
        "outliers of it. Either its folder has the wrong name, or these features do not tell the two apart",
    );
  }
  return notes;
}
