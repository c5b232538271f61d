/** Patterns of names, as a shell has them: `*`, `?` and `{a,b}`. */

/** Whether a name is meant as a pattern. */
export function isPattern(name: string): boolean {
  return /[*?{]/.test(name);
}

/**
 * The names that match a pattern: `*` stands for anything but `/`, `?` for one letter but `/`, and
 * `{a,b}` for `a` or `b`, which may be patterns.
 */
export function patternExpression(pattern: string): RegExp {
  return new RegExp(`^${source(pattern)}$`);
}

function source(pattern: string): string {
  return pattern.replace(
    /\{([^{}]*)\}|[*?]|[.+^$()|[\]\\{}]/g,
    (part, alternatives: string | undefined) => {
      if (alternatives !== undefined) return `(?:${alternatives.split(",").map(source).join("|")})`;
      if (part === "*") return "[^/]*";
      return part === "?" ? "[^/]" : `\\${part}`;
    },
  );
}
