/** How a change between two `config.json` is told: by the flag that a user types, where there is one. */
import { flagOf, settingsOf } from "../settings/table.js";

/** What a key of `config.json` was, and is. */
export interface ChangedKey {
  readonly key: string;
  readonly was: unknown;
  readonly value: unknown;
}

const flags = new Set(settingsOf("train").map(({ name }) => name));

/** `--base_lr was 0.003, is now 0.01`; what no flag sets by itself has its key: `trainSize was 24, is now 25`. */
export function describeChange(change: ChangedKey): string[] {
  return typed(change).map(({ key, was, value }) => {
    const name = flags.has(key) ? `--${flagOf(key)}` : key;
    return `${name} was ${short(was)}, is now ${short(value)}`;
  });
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

function short(value: unknown): string {
  const text = JSON.stringify(value ?? undefined) ?? "none";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
