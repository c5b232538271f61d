/**
 * The words by which people name the parts of a dataset.
 *
 * Sources: the layouts of torchvision, Keras, TensorFlow Datasets and Kaggle, and the keywords of
 * Hugging Face's `datasets` (there too, "eval" is a test set and "dev" a validation set).
 */

/** The parts of a dataset. */
export const partNames = ["train", "val", "test"] as const;
/**
 * A part of a dataset.
 * @useDeclaredType
 */
export type PartName = (typeof partNames)[number];

/** Each part's words, the preferred ones first. */
const words: Readonly<Record<PartName, readonly string[]>> = {
  train: ["train", "training", "trn"],
  val: ["val", "validation", "valid", "validate", "dev", "development", "holdout"],
  test: ["test", "testing", "tst", "eval", "evaluation"],
};

const partByWord: ReadonlyMap<string, PartName> = new Map(
  partNames.flatMap((part) => words[part].map((word) => [word, part] as const)),
);

/** Words about a part's name that say nothing: `training_set`, `test_images`, `val2017`. */
const fillers = new Set(
  "set sets data dataset split part folder images image imgs img photos pics jpg jpeg png".split(
    " ",
  ),
);

/** Which part a word means, in any case; undefined where it is none. */
export function partOfWord(word: string): PartName | undefined {
  return partByWord.get(word.trim().toLowerCase());
}

/**
 * Which part the name of a file means: `flowers_train-00000-of-00005`, `Test.csv`. The last such word
 * counts: a dataset's own name comes first, and may hold one.
 */
export function partOfName(name: string): PartName | undefined {
  return tokens(name)
    .map(partOfWord)
    .findLast((part) => part !== undefined);
}

/**
 * Which of some sibling folders are parts: `train`, `Testing`, `training_set`, `val2017`; with other words
 * in them only where these are the same in two parts, as in `seg_train` and `seg_test`.
 * @returns the part of each such folder, the preferred words first: `val` before `valid`
 */
export function partFolders(names: readonly string[]): Map<string, PartName> {
  const candidates = names.flatMap((name) => {
    const all = tokens(name);
    const at = all.findLastIndex((token) => partOfWord(token) !== undefined);
    if (at < 0) return [];
    const part = partOfWord(all[at]!)!;
    const rest = all.filter((token, i) => i !== at && !fillers.has(token)).join(" ");
    return [{ name, part, rest, rank: words[part].indexOf(all[at]!) }];
  });
  const partsOfRest = new Map<string, Set<PartName>>();
  for (const { rest, part } of candidates)
    partsOfRest.set(rest, (partsOfRest.get(rest) ?? new Set()).add(part));
  return new Map(
    candidates
      .filter(({ rest }) => rest === "" || partsOfRest.get(rest)!.size > 1)
      .sort((a, b) => a.rank - b.rank || a.rest.length - b.rest.length)
      .map(({ name, part }) => [name, part]),
  );
}

/** The words in a name, in lower case, without digits: `SegTrain_2` is seg, train. */
function tokens(name: string): string[] {
  return name
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{M}]+/u)
    .filter((token) => token !== "");
}
