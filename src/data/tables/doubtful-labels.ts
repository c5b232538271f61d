/** Labels that count as classes, though who wrote them may have meant none, or several. */
import { listed } from "../listed.js";

/** Words that programs write where there was no value. */
const NO_VALUE = ["nan", "null", "none", "na", "n/a", "#n/a", "<na>", "undefined", "?"];

/**
 * @param labels how many images each has
 * @returns what people should look at; nothing where all is well
 */
export function doubtfulLabels(labels: ReadonlyMap<string, number>): string[] {
  const count = (label: string) => `"${label}" (${labels.get(label)})`;
  const all = [...labels.keys()];
  const missing = all.filter((label) => NO_VALUE.includes(label.toLowerCase()));
  const several = all.filter((label) => {
    const words = label.split(/\s+/);
    return words.length > 1 && words.every((word) => labels.has(word));
  });
  return [
    ...(missing.length > 0
      ? [`counted as a class, though it may mean that there is none: ${listed(missing.map(count))}`]
      : []),
    ...(several.length > 0
      ? [
          `counted as classes of their own, though they may be several: ${listed(several.map(count))}`,
        ]
      : []),
  ];
}
