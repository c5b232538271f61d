/**
 * Python pickles as data. A pickle is a program and a file from elsewhere may be hostile, so of all
 * the names that a pickle can ask for, only those that make up a numpy array are known here, as
 * functions of our own; any other name is refused and nothing is ever looked up.
 *
 * The official CIFAR files were written by Python 2 (protocol 2), in which text and raw bytes are
 * one type. They are read as Latin-1, one character a byte, so that neither loses anything.
 */

import { BufferReader, Parser } from "pickleparser";

/** A pickle that cannot be read, or asks for more than data; the message says why. */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

/** A numpy array as the pickle holds it. */
export class PickledArray {
  shape: readonly number[] = [];
  /** numpy's code without its byte order: `u1`, `i8`, `f4`. */
  dtype = "";
  fortranOrder = false;
  /** Python 2 pickles hold raw data as text, of which each character is a byte. */
  #data: string | Uint8Array = "";

  /** The length of the raw data. */
  get sizeBytes(): number {
    return this.#data.length;
  }

  /**
   * A part of the raw data. Large arrays are read part by part: a text of their size is already in
   * memory, and a second copy need not be.
   */
  bytes(start: number, end: number): Uint8Array {
    return typeof this.#data === "string"
      ? Buffer.from(this.#data.slice(start, end), "latin1")
      : this.#data.subarray(start, end);
  }

  /** Called by the parser with the tuple of numpy's `ndarray.__setstate__`. */
  __setstate__(state: unknown): void {
    if (!Array.isArray(state) || state.length !== 5)
      throw new PickleError("an array's state is not a tuple of five");
    const [, shape, dtype, fortranOrder, data] = state as unknown[];
    this.set(shape, dtype, fortranOrder === true, data);
  }

  /** Takes over what a pickle says of an array. */
  set(shape: unknown, dtype: unknown, fortranOrder: boolean, data: unknown): void {
    if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0))
      throw new PickleError("an array's shape is not a tuple of sizes");
    if (!(dtype instanceof PickledDtype)) throw new PickleError("an array has no dtype");
    if (typeof data !== "string" && !(data instanceof Uint8Array))
      throw new PickleError("an array's data is not a string of bytes");
    this.shape = shape as number[];
    this.dtype = dtype.code;
    this.fortranOrder = fortranOrder;
    this.#data = data;
  }
}

class PickledDtype {
  constructor(readonly code: string) {}

  /** Byte order and alignment: of no meaning for the one-byte types that CIFAR holds. */
  __setstate__(_state: unknown): void {}
}

/** Python's text, be it from a Python 2 string, a unicode string or bytes. */
export function pickledText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return undefined;
}

/** The functions that a pickled array calls, by module and name. */
const ALLOWED = new Map<string, (...args: unknown[]) => unknown>([
  ["numpy.core.multiarray _reconstruct", () => new PickledArray()],
  ["numpy._core.multiarray _reconstruct", () => new PickledArray()],
  // Named as an argument of `_reconstruct`; never called.
  ["numpy ndarray", refuseCall],
  ["numpy dtype", (code: unknown) => new PickledDtype(pickledText(code) ?? "")],
  // Python 3 writes bytes in protocol 2 as latin-1 text that is to be encoded.
  ["_codecs encode", encodeLatin1],
  // numpy's form in protocol 5.
  ["numpy.core.numeric _frombuffer", fromBuffer],
  ["numpy._core.numeric _frombuffer", fromBuffer],
]);

function refuseCall(): never {
  throw new PickleError("it calls a class that is only to be named");
}

function encodeLatin1(text: unknown, encoding: unknown): Uint8Array {
  if (typeof text !== "string" || encoding !== "latin1")
    throw new PickleError("it encodes other than latin-1 text");
  return Buffer.from(text, "latin1");
}

function fromBuffer(data: unknown, dtype: unknown, shape: unknown, order: unknown): PickledArray {
  const array = new PickledArray();
  array.set(shape, dtype, order === "F", data);
  return array;
}

/** pickleparser's reader, with strings byte by byte and without a way back in the file. */
class LatinReader extends BufferReader {
  override string(size: number, encoding: "ascii" | "utf-8"): string {
    // TextDecoder's "ascii" is windows-1252, which changes the bytes 0x80 to 0x9f.
    if (encoding === "utf-8") return super.string(size, encoding);
    const bytes = this.bytes(size);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  }

  override skip(offset: number): void {
    // Lengths of type int32 may be negative in a hostile file, which would then be read for ever.
    if (!(offset >= 0)) throw new PickleError("it holds a negative length");
    super.skip(offset);
  }
}

/**
 * Reads a pickle of protocol 0 to 5. Dictionaries become Maps, lists and tuples arrays, Python 2
 * strings Latin-1 text, bytes Uint8Arrays, numpy arrays `PickledArray`s.
 * @throws PickleError if it is damaged or names anything but numpy arrays
 */
export function readPickle(bytes: Uint8Array): unknown {
  const parser = new Parser({
    nameResolver: {
      resolve(module, name) {
        const allowed = ALLOWED.get(`${module} ${name}`);
        if (allowed === undefined)
          throw new PickleError(`it asks for ${module}.${name}, which no dataset needs`);
        // A fresh function: a pickle may set attributes on what it got.
        return (...args: unknown[]) => allowed(...args);
      },
    },
    unpicklingTypeOfDictionary: "Map",
  });
  try {
    return parser.read(new LatinReader(bytes));
  } catch (error) {
    if (error instanceof PickleError) throw error;
    // Whatever a damaged file makes the parser stumble over.
    throw new PickleError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
