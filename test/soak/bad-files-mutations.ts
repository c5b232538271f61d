/** Ways to damage a file, at random or as somebody would who means harm. */
import fc from "fast-check";

/** One change. Places are fractions, so that they suit a file of any length. */
export type Mutation =
  | { readonly kind: "flip"; readonly at: number; readonly bits: number }
  /** A number, as a field of a header would be, of 1, 2, 4 or 8 bytes. */
  | {
      readonly kind: "field";
      readonly at: number;
      readonly bytes: number;
      readonly value: bigint;
      readonly littleEndian: boolean;
    }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "delete"; readonly at: number; readonly length: number }
  | { readonly kind: "cut"; readonly at: number }
  | { readonly kind: "repeat"; readonly at: number; readonly length: number };

/** Headers lie at both ends of a file, and most of what can go wrong is in them. */
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.02, noNaN: true }),
  fc.double({ min: 0.98, max: 1, noNaN: true }),
);

const extreme = fc.constantFrom(
  ...[0n, 1n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0xffffn, 0x10000n, 0x7fffffffn, 0x80000000n],
  ...[0xffffffffn, 2n ** 31n - 8n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n],
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ kind: fc.constant("flip"), at: place, bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({
    kind: fc.constant("field"),
    at: place,
    bytes: fc.constantFrom(1, 2, 4, 8),
    value: extreme,
    littleEndian: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant("insert"),
    at: place,
    bytes: fc.uint8Array({ minLength: 1, maxLength: 32 }),
  }),
  fc.record({ kind: fc.constant("delete"), at: place, length: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ kind: fc.constant("cut"), at: place }),
  fc.record({ kind: fc.constant("repeat"), at: place, length: fc.integer({ min: 1, max: 512 }) }),
);

/** One to four changes. */
export const mutations: fc.Arbitrary<readonly Mutation[]> = fc.array(mutation, {
  minLength: 1,
  maxLength: 4,
});

/** A file with some changes, one after the other. */
export function mutated(file: Uint8Array, changes: readonly Mutation[]): Buffer {
  return changes.reduce(change, Buffer.from(file));
}

function change(file: Buffer, mutation: Mutation): Buffer {
  const at = Math.floor(mutation.at * Math.max(0, file.length - 1));
  if (mutation.kind === "cut") return file.subarray(0, at);
  if (mutation.kind === "insert")
    return Buffer.concat([file.subarray(0, at), mutation.bytes, file.subarray(at)]);
  if (mutation.kind === "delete")
    return Buffer.concat([file.subarray(0, at), file.subarray(at + mutation.length)]);
  if (mutation.kind === "repeat")
    return Buffer.concat([file.subarray(0, at + mutation.length), file.subarray(at)]);
  if (mutation.kind === "flip") {
    if (at < file.length) file[at]! ^= mutation.bits;
    return file;
  }
  const { bytes, value, littleEndian } = mutation;
  for (let i = 0; i < bytes && at + i < file.length; i++) {
    const shift = BigInt(8 * (littleEndian ? i : bytes - 1 - i));
    file[at + i] = Number((value >> shift) & 0xffn);
  }
  return file;
}
