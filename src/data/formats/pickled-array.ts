/**
 * numpy arrays as pickles hold them. Of all the functions that a pickle can ask for, only those that
 * make up such an array are known, as functions of our own.
 */

/** A pickle that cannot be read, or asks for more than data; the message says why. */
export class PickleError extends Error {
  override readonly name = "PickleError";
}

const MAX_AXES = 32;

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

  /** Takes over what a pickle says of an array. Throws PickleError where that makes none. */
  set(shape: unknown, dtype: unknown, fortranOrder: boolean, data: unknown): void {
    const isShape =
      Array.isArray(shape) &&
      shape.length <= MAX_AXES &&
      shape.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (!isShape) throw new PickleError("an array's shape is not a tuple of sizes");
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
}

/** Something that a pickle names: a function, or a class that is only an argument of one. */
export class PickledName {
  constructor(
    readonly name: string,
    readonly call: (args: readonly unknown[]) => unknown,
  ) {}
}

/** Python's text, be it from a Python 2 string, a unicode string or bytes. */
export function pickledText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return undefined;
}

const KNOWN = new Map<string, (args: readonly unknown[]) => unknown>([
  ["numpy.core.multiarray._reconstruct", () => new PickledArray()],
  ["numpy._core.multiarray._reconstruct", () => new PickledArray()],
  // Named as an argument of `_reconstruct`; never called.
  ["numpy.ndarray", refuseCall],
  ["numpy.dtype", makeDtype],
  // Python 3 writes bytes in protocol 2 as latin-1 text that is to be encoded.
  ["_codecs.encode", encodeLatin1],
  // numpy's form in protocol 5.
  ["numpy.core.numeric._frombuffer", fromBuffer],
  ["numpy._core.numeric._frombuffer", fromBuffer],
]);

/** What a pickle names by module and name. Throws PickleError for all but numpy's arrays. */
export function resolveName([module, name]: readonly unknown[]): PickledName {
  if (typeof module !== "string" || typeof name !== "string")
    throw new PickleError("it asks for something without a name");
  const call = KNOWN.get(`${module}.${name}`);
  if (call !== undefined) return new PickledName(`${module}.${name}`, call);
  const asked = JSON.stringify(`${module.slice(0, 60)}.${name.slice(0, 60)}`).slice(1, -1);
  throw new PickleError(`it asks for ${asked}, which no dataset needs`);
}

/** What BUILD does, Python's `__setstate__`: fills an array; a dtype's state adds nothing. */
export function setState(target: unknown, state: unknown): void {
  // Byte order and alignment: of no meaning for the one-byte types that CIFAR holds.
  if (target instanceof PickledDtype) return;
  if (!(target instanceof PickledArray))
    throw new PickleError("it changes something that is no array");
  if (!Array.isArray(state) || state.length !== 5)
    throw new PickleError("an array's state is not a tuple of five");
  const [, shape, dtype, fortranOrder, data] = state as unknown[];
  target.set(shape, dtype, fortranOrder === true, data);
}

function refuseCall(): never {
  throw new PickleError("it calls a class that is only to be named");
}

function makeDtype([code]: readonly unknown[]): PickledDtype {
  const text = pickledText(code) ?? "";
  if (!/^[A-Za-z]\d{0,3}$/.test(text)) throw new PickleError("it names an unknown dtype");
  return new PickledDtype(text);
}

function encodeLatin1([text, encoding]: readonly unknown[]): Uint8Array {
  if (typeof text !== "string" || encoding !== "latin1")
    throw new PickleError("it encodes other than latin-1 text");
  return Buffer.from(text, "latin1");
}

function fromBuffer([data, dtype, shape, order]: readonly unknown[]): PickledArray {
  const array = new PickledArray();
  array.set(shape, dtype, order === "F", data);
  return array;
}
