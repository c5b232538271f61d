/** The numbers, texts and bytes of which a pickle is made. None is made larger than the file has it. */
import { PickleError } from "./pickled-array.js";

const decoder = new TextDecoder();

/** A pickle's bytes, from front to back. Every method throws PickleError where they end early. */
export class PickleInput {
  private position = 0;
  private readonly view: DataView;

  constructor(private readonly all: Uint8Array) {
    this.view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  }

  /** A view of the next bytes. */
  bytes(length: number): Uint8Array {
    return this.all.subarray(this.take(length), this.position);
  }

  /** An unsigned number, lowest byte first. */
  unsigned(bytes: 1 | 2 | 4 | 8): number {
    const at = this.take(bytes);
    if (bytes === 8) return Number(this.view.getBigUint64(at, true));
    if (bytes === 4) return this.view.getUint32(at, true);
    return bytes === 2 ? this.view.getUint16(at, true) : this.all[at]!;
  }

  byte(): number {
    return this.unsigned(1);
  }

  int32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  float64(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  /** A whole number in two's complement. Throws PickleError beyond 8 bytes. */
  long(length: number): number {
    if (length > 8) throw new PickleError(`a whole number of ${length} bytes`);
    const padded = new Uint8Array(8);
    const digits = this.bytes(length);
    padded.fill((digits.at(-1) ?? 0) & 0x80 ? 0xff : 0);
    padded.set(digits);
    return Number(new DataView(padded.buffer).getBigInt64(0, true));
  }

  /** One character a byte. */
  latin1(length: number): string {
    const { buffer, byteOffset } = this.bytes(length);
    return Buffer.from(buffer as ArrayBuffer, byteOffset, length).toString("latin1");
  }

  utf8(length: number): string {
    return decoder.decode(this.bytes(length));
  }

  line(): string {
    const end = this.all.indexOf(0x0a, this.position);
    if (end < 0) throw new PickleError("it ends within a line");
    const text = this.latin1(end - this.position);
    this.take(1);
    return text;
  }

  private take(length: number): number {
    const at = this.position;
    if (length > this.all.length - at)
      throw new PickleError(
        `it ends early: ${length} bytes where ${this.all.length - at} are left`,
      );
    this.position += length;
    return at;
  }
}
