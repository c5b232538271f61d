/** Labels that are different classes to the program, and probably one to who wrote them. */
import { listed } from "../listed.js";

/** Words that programs write where there was no value. */
const NO_VALUE = ["nan", "null", "none", "na", "n/a", "#n/a", "<na>", "undefined", "?"];

/** @returns what people should look at; nothing where all is well */
export function labelNotes(labels: ReadonlyMap<string, number>): string[] {
  const groups = new Map<string, string[]>();
  for (const label of labels.keys()) {
    const key = sameKey(label);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [label]);
    else group.push(label);
  }
  const alike = [...groups.values()].filter((group) => group.length > 1);
  const shown = alike.map((group) => {
    return group.map((label) => `"${label}" (${labels.get(label)} images)`).join(" and ");
  });
  const notes =
    alike.length === 0
      ? []
      : [`labels that differ in little, and count as classes of their own: ${listed(shown)}`];
  const missing = [...labels.keys()].filter((label) => NO_VALUE.includes(label.toLowerCase()));
  for (const label of missing)
    notes.push(`"${label}" counts as a class, of ${labels.get(label)} images`);
  return notes;
}

/** The same of labels that differ in case, in blanks and marks, in leading zeros or in ".0". */
function sameKey(label: string): string {
  const plain = label
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();
  if (/^[+-]?\d+(\.0*)?$/.test(label)) return String(Number(label));
  return plain;
}
