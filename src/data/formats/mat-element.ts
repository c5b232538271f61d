/**
 * The data elements of which a MATLAB level-5 file is made: a type, a length, that many bytes. Every
 * length is held against what is there before anything is made of it.
 *
 * Source: MathWorks, "MAT-File Format", chapter 1, "Level 5 MAT-File Format".
 */
import { promisify } from "node:util";
import { constants, inflate } from "node:zlib";
import type { NumericData } from "../../archive/numeric-array.js";

const inflateAsync = promisify(inflate);

/** The types of elements that are read here, by the format's names. */
export const MI = {
  INT8: 1,
  UINT16: 4,
  INT32: 5,
  UINT32: 6,
  INT64: 12,
  UINT64: 13,
  MATRIX: 14,
  COMPRESSED: 15,
  UTF8: 16,
} as const;

/** The most that the arrays of a file are unpacked to: SVHN's training images come to 0.2 GiB. */
export const MAX_UNPACKED_BYTES = 2 ** 30;
/** No zlib stream stands for more bytes than this for each of its own. */
const MAX_RATIO = 1032;
/** Enough compressed bytes for the first eight that they stand for. */
const TAG_PROBE_BYTES = 256;

/** A file that is not as the format has it. */
export class MatError extends Error {
  /** What to do about it, where that is known. */
  readonly next: string | undefined;

  constructor(message: string, { next, ...options }: ErrorOptions & { next?: string } = {}) {
    super(message, options);
    this.next = next;
  }
}

/** One element. */
export interface Element {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** Numbers as they are stored, which may be in a smaller type than their array's class has. */
export type Numbers = Exclude<NumericData, BigInt64Array | BigUint64Array>;

const NUMBERS: Readonly<Record<number, new (buffer: ArrayBuffer) => Numbers>> = {
  1: Int8Array,
  2: Uint8Array,
  3: Int16Array,
  4: Uint16Array,
  5: Int32Array,
  6: Uint32Array,
  7: Float32Array,
  9: Float64Array,
};

/** Walks over the elements that lie one after the other in some bytes. */
export class ElementReader {
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    private position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  /** Bytes that are not walked over yet. */
  get left(): number {
    return this.bytes.length - this.position;
  }

  /** @throws MatError where the next element is cut off */
  next(): Element {
    if (this.left < 8) throw new MatError("it ends within an element");
    const first = this.view.getUint32(this.position, true);
    // Up to four bytes may share the tag's eight; the length then lies above the type.
    const smallBytes = first >>> 16;
    if (smallBytes > 0) {
      if (smallBytes > 4) throw new MatError(`a small element of ${smallBytes} bytes`);
      const start = this.position + 4;
      this.position += 8;
      return { type: first & 0xffff, bytes: this.bytes.subarray(start, start + smallBytes) };
    }
    const told = this.view.getUint32(this.position + 4, true);
    // Everything in an array is padded to 8 bytes. Of short text, Octave says 4 more than it writes.
    const sizeBytes = first === MI.MATRIX ? told - (told % 8) : told;
    const start = this.position + 8;
    if (sizeBytes > this.bytes.length - start)
      throw new MatError(`an element of ${sizeBytes} bytes where ${this.left - 8} are left`);
    const padding = first === MI.COMPRESSED ? 0 : (8 - (sizeBytes % 8)) % 8;
    this.position = start + sizeBytes + padding;
    return { type: first, bytes: this.bytes.subarray(start, start + sizeBytes) };
  }

  /** The next element, which must be of one of some types. */
  expect(types: number | readonly number[], what: string): Uint8Array {
    const element = this.next();
    if (![types].flat().includes(element.type))
      throw new MatError(`${what} are of type ${element.type}`);
    return element.bytes;
  }
}

/**
 * Unpacks a compressed element, into no more bytes than it says that it holds.
 * @param mostBytes what it may come to
 * @throws MatError if it holds more than that, or says that it holds too much, or is damaged
 */
export async function unpackElement(packed: Uint8Array, mostBytes: number): Promise<Element> {
  try {
    const probe = await inflateAsync(packed.subarray(0, TAG_PROBE_BYTES), {
      // The rest is not there, which is no fault here.
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    if (probe.length < 8) throw new MatError("a compressed element without contents");
    const sizeBytes = 8 + probe.readUInt32LE(4);
    if (sizeBytes > Math.min(mostBytes, MAX_RATIO * packed.length))
      throw new MatError(`an array of ${sizeBytes} bytes, packed into ${packed.length}`);
    const bytes = await inflateAsync(packed, {
      maxOutputLength: sizeBytes + 8,
      // In one piece, which need not be put together from many; with some bytes to spare, for it
      // would ask for as much again when it is full.
      chunkSize: sizeBytes + 64,
    });
    return new ElementReader(bytes).next();
  } catch (error) {
    if (error instanceof MatError || !(error instanceof Error)) throw error;
    throw new MatError(`a compressed element cannot be unpacked: ${error.message}`, {
      cause: error,
    });
  }
}

/** The numbers of an element; those of 64 bits as doubles. */
export function numbersOf(element: Element): Numbers {
  if (isWide(element)) return Float64Array.from(wideOf(element), Number);
  const { type, bytes } = element;
  const Type = NUMBERS[type];
  if (Type === undefined) throw new MatError(`numbers of type ${type}`);
  if (Type === Uint8Array) return bytes;
  // A copy of its own: numbers lie on multiples of 8 bytes in the file, but not in the memory.
  const copy = new Uint8Array(bytes).buffer;
  const size = type === 9 ? 8 : type >= 5 ? 4 : type >= 3 ? 2 : 1;
  if (bytes.length % size !== 0)
    throw new MatError(`${bytes.length} bytes of ${size}-byte numbers`);
  return new Type(copy);
}

/** Whole numbers of 64 bits, as SciPy stores Python's own. */
function wideOf({ type, bytes }: Element): BigInt64Array | BigUint64Array {
  if (bytes.length % 8 !== 0) throw new MatError(`${bytes.length} bytes of 8-byte numbers`);
  const copy = new Uint8Array(bytes).buffer;
  return type === MI.INT64 ? new BigInt64Array(copy) : new BigUint64Array(copy);
}

function isWide({ type }: Element): boolean {
  return type === MI.INT64 || type === MI.UINT64;
}

/** Whether an element has whole numbers that doubles do not tell apart. */
export function isBeyondDoubles(element: Element): boolean {
  return isWide(element) && wideOf(element).some((value) => !Number.isSafeInteger(Number(value)));
}

/** The text of an element. */
export function textOf({ type, bytes }: Element): string {
  const encoding = type === MI.UINT16 || type === 17 ? "utf-16le" : "utf-8";
  if (![MI.INT8, 2, MI.UINT16, MI.UTF8, 17].includes(type))
    throw new MatError(`text of type ${type}`);
  return new TextDecoder(encoding).decode(bytes);
}
