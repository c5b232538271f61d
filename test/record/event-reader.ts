/** Reads event files as TensorBoard does, by a parser of their few messages: for tests. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { readTfRecords } from "../../src/data/formats/tfrecord-reader.js";

/** What is told of an event. */
export interface ReadEvent {
  readonly wallTime: number;
  readonly step: number;
  readonly fileVersion: string | undefined;
  readonly restart: boolean;
  /** Tags of the values, and the numbers of those that are curves. */
  readonly values: ReadonlyMap<string, number | undefined>;
}

/**
 * The events of a run's folder, which has one event file.
 * @throws where a checksum does not match, or the file ends within a record
 */
export async function readEvents(folder: string): Promise<ReadEvent[]> {
  const names = (await readdir(folder)).filter((name) => name.includes("tfevents"));
  assert.equal(names.length, 1, names.join());
  const events: ReadEvent[] = [];
  for await (const { bytes } of readTfRecords(join(folder, names[0]!))) events.push(event(bytes));
  return events;
}

/** The steps and values of a curve, in order. */
export function curveOf(
  events: readonly ReadEvent[],
  tag: string,
): [step: number, value: number][] {
  return events.flatMap(({ step, values }) => {
    const value = values.get(tag);
    return value === undefined ? [] : [[step, value] as [number, number]];
  });
}

type Field = number | Uint8Array;

/** The fields of a message: varints as numbers, all else as bytes. */
function* fields(bytes: Uint8Array): Generator<readonly [id: number, value: Field]> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (n: number) => {
    at += n;
    return bytes.subarray(at - n, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const sizes = { 0: undefined, 1: 8, 2: undefined, 5: 4 } as const;
    const wire = (key & 7) as keyof typeof sizes;
    if (wire === 0) yield [key >>> 3, varint()];
    else yield [key >>> 3, take(sizes[wire] ?? varint())];
  }
}

const view = (value: Field) => {
  assert.ok(value instanceof Uint8Array);
  return new DataView(value.buffer, value.byteOffset, value.length);
};
const text = (value: Field) => Buffer.from(value as Uint8Array).toString();

function event(bytes: Uint8Array): ReadEvent {
  const found = new Map(fields(bytes));
  const version = found.get(3);
  const values = new Map<string, number | undefined>();
  const summary = found.get(5);
  if (summary !== undefined)
    for (const [, value] of fields(summary as Uint8Array)) {
      const parts = new Map(fields(value as Uint8Array));
      const number = parts.get(2);
      values.set(
        text(parts.get(1)!),
        number === undefined ? undefined : view(number).getFloat32(0, true),
      );
    }
  return {
    wallTime: view(found.get(1)!).getFloat64(0, true),
    step: Number(found.get(2) ?? 0),
    fileVersion: version === undefined ? undefined : text(version),
    restart: found.has(7),
    values,
  };
}
