/** Looks for values that are not finite in the bytes of a float32 array, as they come by. */
export class FiniteWatch {
  /** Whether all values that came by were finite numbers. */
  allFinite = true;
  /** Of the next byte; of the array's first one it is 0. */
  #position: number;
  #before = 0;

  /** @param headerBytes that come before the values, which are little-endian */
  constructor(headerBytes: number) {
    this.#position = -headerBytes;
  }

  /** Takes the next bytes. */
  add(bytes: Uint8Array): void {
    const position = this.#position;
    this.#position += bytes.length;
    // The sign and most of the exponent lie in a value's last byte, the rest of it in the one before.
    const first = position < 0 ? 3 - position : 3 - (position % 4);
    for (let i = first; i < bytes.length; i += 4) {
      if ((bytes[i]! & 0x7f) !== 0x7f) continue;
      const before = i > 0 ? bytes[i - 1]! : this.#before;
      if (before >= 0x80) this.allFinite = false;
    }
    if (bytes.length > 0) this.#before = bytes[bytes.length - 1]!;
  }
}
