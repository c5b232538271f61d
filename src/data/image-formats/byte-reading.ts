/**
 * How a header is read: its parser asks for parts of the file, one after the other. The same parser
 * reads from a disk, without the parts that it passes over, and from bytes in memory.
 */
import type { FileHandle } from "node:fs/promises";

/** A part of a file. */
export interface FilePart {
  readonly offset: number;
  readonly length: number;
}

/** A parser: it yields the part that it wants, and gets as many bytes of it as the file has. */
export type Reading<T> = Generator<FilePart, T, Uint8Array>;

/** That a file is not what its first bytes say: its message is why. */
export class DamagedHeader extends Error {
  override readonly name = "DamagedHeader";
}

/** A longer part is no header's: a file may claim any length. */
export const MOST_PART_BYTES = 16 * 1024 * 1024;

/**
 * A part of the file, all of it.
 * @throws DamagedHeader where the file ends before
 */
export function* part(offset: number, length: number): Reading<DataView> {
  if (length > MOST_PART_BYTES)
    throw new DamagedHeader(`${length} bytes in one part of its header`);
  const bytes = yield { offset, length };
  if (bytes.length < length) throw new DamagedHeader("it ends within its header");
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

/** As many bytes of a part as the file has. */
export function* upTo(offset: number, length: number): Reading<Uint8Array> {
  return yield { offset, length };
}

/** The bytes that a view shows. */
export function bytesOf({ buffer, byteOffset, byteLength }: DataView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Four letters, as chunks are named by. */
export function nameAt(view: DataView, at: number): string {
  return Buffer.from(view.buffer, view.byteOffset + at, 4).toString("latin1");
}

/** What a parser makes of a file that lies in memory. */
export function readBytes<T>(reading: Reading<T>, bytes: Uint8Array): T {
  let step = reading.next();
  while (step.done !== true) {
    const { offset, length } = step.value;
    step = reading.next(bytes.subarray(offset, offset + length));
  }
  return step.value;
}

/**
 * What a parser makes of a file, or of a part of one.
 * @param start the first bytes, which are not read again
 * @param range where in the file its bytes are
 */
export async function readFromFile<T>(
  reading: Reading<T>,
  file: FileHandle,
  start: Uint8Array,
  range: FilePart,
): Promise<T> {
  let step = reading.next();
  while (step.done !== true) {
    const { offset, length } = step.value;
    const end = Math.min(offset + length, range.length);
    if (end <= Math.max(offset, start.length)) step = reading.next(start.subarray(offset, end));
    else {
      const bytes = new Uint8Array(Math.max(0, end - offset));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, range.offset + offset);
      step = reading.next(bytes.subarray(0, bytesRead));
    }
  }
  return step.value;
}
