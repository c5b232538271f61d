/** Walks the fields of a protobuf message in a file, and reads only those that are asked for. */
import type { FileHandle } from "node:fs/promises";
import { readExactly } from "../../disk/file-reading.js";

/** Bytes of a file. */
export interface FilePart {
  readonly start: number;
  readonly end: number;
}

/** A field as it lies in the file. */
export interface FileField {
  readonly number: number;
  /** With its tag. */
  readonly whole: FilePart;
  /** The contents of one that has a length; undefined of others. */
  readonly contents: FilePart | undefined;
}

// A tag and a length, of at most ten bytes each.
const HEAD_BYTES = 20;
const WINDOW_BYTES = 64 * 1024;

const wire = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** A file of which small parts are read again and again, near each other. */
export class WindowedFile {
  private window = new Uint8Array(0);
  private windowStart = 0;

  constructor(
    private readonly handle: FileHandle,
    readonly sizeBytes: number,
  ) {}

  /**
   * Some bytes, to be used before the next are asked for.
   * @throws EarlyEnd where the file is shorter
   */
  async bytes({ start, end }: FilePart): Promise<Uint8Array> {
    if (start < this.windowStart || end > this.windowStart + this.window.length) {
      const length = Math.max(end - start, Math.min(WINDOW_BYTES, this.sizeBytes - start));
      const window = new Uint8Array(length);
      await readExactly(this.handle, window, start);
      [this.window, this.windowStart] = [window, start];
    }
    return this.window.subarray(start - this.windowStart, end - this.windowStart);
  }
}

/**
 * The fields of a message, in order.
 * @throws Error where the bytes are no message
 */
export async function* fieldsOf(file: WindowedFile, message: FilePart): AsyncGenerator<FileField> {
  for (let at = message.start; at < message.end; ) {
    const head = await file.bytes({ start: at, end: Math.min(at + HEAD_BYTES, message.end) });
    const tag = varint(head, 0);
    const number = Math.floor(tag.value / 8);
    let contents: FilePart | undefined;
    let end = at + tag.length;
    switch (tag.value % 8) {
      case wire.varint:
        end += varint(head, tag.length).length;
        break;
      case wire.fixed64:
        end += 8;
        break;
      case wire.fixed32:
        end += 4;
        break;
      case wire.lengthDelimited: {
        const length = varint(head, tag.length);
        const start = end + length.length;
        end = start + length.value;
        contents = { start, end };
        break;
      }
      default:
        throw new Error(`a field of wire type ${tag.value % 8} at byte ${at}`);
    }
    if (end > message.end) throw new Error(`a field at byte ${at} that is longer than its message`);
    yield { number, whole: { start: at, end }, contents };
    at = end;
  }
}

function varint(
  bytes: Uint8Array,
  at: number,
): { readonly value: number; readonly length: number } {
  let value = 0;
  for (let i = 0; i < 10 && at + i < bytes.length; i++) {
    const byte = bytes[at + i]!;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { value, length: i + 1 };
  }
  throw new Error("a number without an end");
}
