/** Patterns of shards' names, as shells and webdataset have them: `*`, `?`, `{000..012}`, `{a,b}`. */

import { UserError } from "../../errors.js";

/** Which names a pattern means. */
export interface Pattern {
  readonly matches: (name: string) => boolean;
  /** All names of a pattern that counts them one by one; none where it holds `*` or `?`. */
  readonly counted: readonly string[];
}

/** More are no count of shards. */
const MOST_NAMES = 100_000;

/** Whether a name is a pattern of names. */
export function isPattern(name: string): boolean {
  return /[*?]|\{[^{}]*(\.\.|,)[^{}]*\}/.test(name);
}

/**
 * The names that a pattern means.
 * @throws UserError where braces count more names than there are shards of any dataset
 */
export function asPattern(pattern: string): Pattern {
  const names = expanded(pattern);
  if (!/[*?]/.test(pattern)) {
    const set = new Set(names);
    return { matches: (name) => set.has(name), counted: names };
  }
  const expressions = names.map((name) => {
    const source = name
      .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".");
    return new RegExp(`^${source}$`);
  });
  return { matches: (name) => expressions.some((one) => one.test(name)), counted: [] };
}

function expanded(pattern: string): string[] {
  let names = [pattern];
  for (let i = 0; i < names.length; ) {
    const match = /^(.*?)\{([^{}]*(?:\.\.|,)[^{}]*)\}(.*)$/.exec(names[i]!);
    if (match === null) {
      i += 1;
      continue;
    }
    const [, before, inner, after] = match;
    const own = alternatives(inner!).map((part) => `${before}${part}${after}`);
    if (names.length + own.length > MOST_NAMES)
      throw new UserError(
        pattern,
        `more than ${MOST_NAMES} names`,
        "a pattern of shards, such as train-{000..012}.tar",
        "correct the numbers in its braces",
      );
    names = [...names.slice(0, i), ...own, ...names.slice(i + 1)];
  }
  return names;
}

/** `00..12` counts with as many digits as its longer end, as bash does. */
function alternatives(inner: string): string[] {
  const range = /^(\d{1,9})\.\.(\d{1,9})$/.exec(inner);
  if (range === null) return inner.split(",");
  const [from, to] = [Number(range[1]), Number(range[2])];
  const isPadded = [range[1]!, range[2]!].some((end) => end.length > 1 && end.startsWith("0"));
  const digits = isPadded ? Math.max(range[1]!.length, range[2]!.length) : 0;
  const length = Math.min(Math.abs(to - from) + 1, MOST_NAMES + 1);
  return Array.from({ length }, (_, i) =>
    String(from <= to ? from + i : from - i).padStart(digits, "0"),
  );
}
