/** The events of a run for programs: a line of JSON each, on standard output. */
import type { RunEvent } from "../record/run-events.js";
import type { SeedsEvent } from "../record/seeds-file.js";
import { output } from "./output.js";

/** Prints an event, with the `time` in ISO 8601. Numbers that are not finite are null. */
export function printEvent(event: RunEvent | SeedsEvent): void {
  output.record(eventLine(event, new Date()));
}

/** The line; a picture's bytes are left out, since they are in TensorBoard's file. */
export function eventLine(event: RunEvent | SeedsEvent, time: Date): string {
  const { type, ...rest } = event;
  const line = { time: time.toISOString(), type, ...rest };
  return JSON.stringify(line, (_key, value) => (value instanceof Uint8Array ? undefined : value));
}
