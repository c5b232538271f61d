/** Values on their way between a session's callers, its host and its device. */
import type { HostTensor } from "../session.js";
import type { ValueSource } from "./plan.js";

export type Feeds = Readonly<Record<string, HostTensor>>;

/** @throws Error where the run does not feed it */
export function fedValue(feeds: Feeds, name: string): HostTensor {
  const value = feeds[name];
  if (value === undefined) throw new Error(`the run feeds nothing for ${name}`);
  return value;
}

/** A variable's new value. @throws Error where it is missing */
export function newValue(
  from: ValueSource,
  feeds: Feeds,
  made: ReadonlyMap<string, HostTensor>,
): HostTensor {
  if (from.kind === "constant") return from.value;
  if (from.kind === "feed") return fedValue(feeds, from.name);
  const value = made.get(from.node);
  if (value === undefined) throw new Error(`nothing was made for ${from.node}`);
  return value;
}

/** What a program gave. @throws Error where it is neither float32 nor int32 */
export function hostTensor(type: string, shape: readonly number[], bytes: Uint8Array): HostTensor {
  const { buffer, byteOffset, byteLength } = bytes;
  if (type === "float32")
    return { type, shape, data: new Float32Array(buffer, byteOffset, byteLength / 4) };
  if (type === "int32")
    return { type, shape, data: new Int32Array(buffer, byteOffset, byteLength / 4) };
  throw new Error(`a program gave ${type}`);
}
