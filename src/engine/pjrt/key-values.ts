/** What several processes leave for each other, and how a plugin asks for it. */
import type { AskKeyValues } from "./addon.js";

/** What processes leave for each other under names; bytes are a character each. */
export interface KeyValues {
  /** The value of a key, as soon as it has one. */
  get(key: string): Promise<string>;
  /** The value that a key has now, if any. */
  find(key: string): Promise<string | undefined>;
  /** Gives a key its value, for good. */
  put(key: string, value: string): Promise<void>;
}

/** The addon's questions, answered by what the processes share. */
export function asking(keyValues: KeyValues): AskKeyValues {
  return (operation, key, value, answer) => {
    const asked =
      operation === "put"
        ? keyValues.put(key, value).then(() => "")
        : operation === "get"
          ? keyValues.get(key)
          : keyValues.find(key);
    asked.then(
      (found) => answer(found ?? null),
      (error: unknown) => answer(null, error instanceof Error ? error.message : String(error)),
    );
  };
}
