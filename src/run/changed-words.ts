/** How a change between two `config.json` is told: by the flag that a user types, where there is one. */
import { flagOf, settingsOf } from "../settings/table.js";

/** What a key of `config.json` was, and is. */
export interface ChangedKey {
  readonly key: string;
  readonly was: unknown;
  readonly value: unknown;
}

const flags = new Set(settingsOf("train").map(({ name }) => name));

/** What no flag sets by itself. */
const ownWords: Readonly<Record<string, string>> = {
  architecture: "the architecture",
  trainSize: "the number of training images",
  valSize: "the number of held-out images",
  schedule: "the schedule (in steps)",
  mixupAlpha: "mixup's alpha",
  evalBatch: "the batch of evaluations",
  ranks: "the number of processes",
};

// Whose values are told whole: where two of them differ, it may be in their ends.
const paths: ReadonlySet<string> = new Set(["dataset", "datadir", "weights"]);

/**
 * `--base_lr was 0.003, is now 0.01`; what no flag sets by itself in words: `the number of training images was 24,
 * is now 25`.
 */
export function describeChange(change: ChangedKey): string[] {
  return typed(change).map(({ key, was, value }) => {
    if (key === "classNames" && Array.isArray(was) && Array.isArray(value))
      return `the classes were ${classes(was, value)}, are now ${classes(value, was)}`;
    const name = flags.has(key) ? `--${flagOf(key)}` : (ownWords[key] ?? key);
    const told = paths.has(key) ? whole : short;
    return `${name} was ${told(was)}, is now ${told(value)}`;
  });
}

// More names than these are told in part.
const fewClasses = 4;

/** `2 (cats, dogs)`; of many, such as the others do not have. */
function classes(names: readonly unknown[], others: readonly unknown[]): string {
  if (names.length <= fewClasses) return `${names.length} (${names.join(", ")})`;
  const own = names.filter((name) => !others.includes(name));
  return `${names.length} (among them ${(own.length > 0 ? own : names).slice(0, 3).join(", ")})`;
}

/** The same by settings as they are given, where `config.json` has what they came to. */
function typed({ key, was, value }: ChangedKey): readonly ChangedKey[] {
  switch (key) {
    case "split":
      return [{ key: "batchSplit", was, value }];
    case "weights":
      return was !== null && value !== null
        ? [{ key, was, value }]
        : [{ key: "fromScratch", was: was === null, value: value === null }];
    case "schedule":
      return stepsOf(was) === stepsOf(value)
        ? [{ key, was, value }]
        : [{ key: "steps", was: stepsOf(was), value: stepsOf(value) }];
    case "resolution": {
      const [before, now] = [sidesOf(was), sidesOf(value)];
      const sides = [
        { key: "resolution", was: before.precrop, value: now.precrop },
        { key: "crop", was: before.crop, value: now.crop },
      ];
      return sides.filter((side) => side.was !== side.value);
    }
    default:
      return [{ key, was, value }];
  }
}

function stepsOf(schedule: unknown): unknown {
  return Array.isArray(schedule) ? schedule.at(-1) : undefined;
}

/** None of an earlier version, which did not keep them. */
function sidesOf(resolution: unknown): { readonly precrop?: unknown; readonly crop?: unknown } {
  return typeof resolution === "object" ? (resolution ?? {}) : {};
}

function whole(value: unknown): string {
  return JSON.stringify(value ?? undefined) ?? "none";
}

function short(value: unknown): string {
  const text = whole(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
