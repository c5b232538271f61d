/** What the two .npz encoders, to disk and in memory, have in common. */
import type { NpyEncoding } from "./npy-codec.js";

/** How an archive is stored. */
export interface NpzEncoding extends NpyEncoding {
  /** Deflate the members, as np.savez_compressed does; by default they are stored as they are. */
  readonly compress?: boolean;
}

/**
 * A check of each member name in turn: not empty, a path that stays inside the archive, and new.
 * It throws Error, since names come from code.
 */
export function nameCheck(): (name: string) => void {
  const seen = new Set<string>();
  return (name) => {
    const outside = /^([A-Za-z]:|\/)|\\|(^|\/)\.\.(\/|$)/.test(name);
    if (name === "" || outside || seen.has(name))
      throw new Error(
        `an archive cannot hold an array named '${name}'${seen.has(name) ? " twice" : ""}`,
      );
    seen.add(name);
  };
}
