/**
 * The header of a .safetensors file: eight bytes that tell its length, then JSON that tells of each
 * tensor its type, shape and place. Everything that it claims is checked here, before a byte is
 * allocated for it; the code after this point may trust it.
 * Source: the format's description in huggingface/safetensors, README.md, and what its reader refuses
 * (tensors that overlap, leave holes, or do not end where the file does).
 */
import { z } from "zod";
import { UserError } from "../errors.js";
import { fetchStep } from "./not-an-npz.js";
import type { ArrayElementType } from "./numeric-array.js";
import { sizeOf } from "./shape.js";

/** A tensor's type, shape and place, as a checked header has them. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file has it: `F32`, `BF16`, ... */
  readonly dtype: string;
  /** Undefined for a type that is not read, such as F8_E4M3. */
  readonly elementType: ArrayElementType | undefined;
  /** Bytes of data. */
  readonly sizeBytes: number;
  /** The first byte's, from the file's beginning. */
  readonly position: number;
}

/** What a checked header says. */
export interface SafetensorsHeader {
  /** In the order in which their data lie. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Bytes before the JSON, which tell its length. */
export const LENGTH_BYTES = 8;

/** The longest header that is read, as safetensors' own reader has it. */
export const MAX_HEADER_BYTES = 100_000_000;

const METADATA = "__metadata__";

interface Dtype {
  readonly bits: number;
  readonly elementType?: ArrayElementType;
}

/** Source: `Dtype` in safetensors/src/tensor.rs of version 0.8. */
const dtypes: Readonly<Record<string, Dtype>> = {
  F32: { bits: 32, elementType: "f4" },
  F16: { bits: 16, elementType: "f2" },
  BF16: { bits: 16, elementType: "V2" },
  F64: { bits: 64, elementType: "f8" },
  I8: { bits: 8, elementType: "i1" },
  I16: { bits: 16, elementType: "i2" },
  I32: { bits: 32, elementType: "i4" },
  I64: { bits: 64, elementType: "i8" },
  U8: { bits: 8, elementType: "u1" },
  U16: { bits: 16, elementType: "u2" },
  U32: { bits: 32, elementType: "u4" },
  U64: { bits: 64, elementType: "u8" },
  BOOL: { bits: 8, elementType: "b1" },
  C64: { bits: 64 },
  F8_E4M3: { bits: 8 },
  F8_E4M3FNUZ: { bits: 8 },
  F8_E5M2: { bits: 8 },
  F8_E5M2FNUZ: { bits: 8 },
  F8_E8M0: { bits: 8 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  F4: { bits: 4 },
};

const length = z.int().nonnegative();
const tensorSchema = z.strictObject({
  dtype: z.string(),
  shape: z.array(length),
  data_offsets: z.tuple([length, length]),
});
const metadataSchema = z.record(z.string(), z.string());

/** The error for a file that is none, or a damaged one. */
export function badSafetensors(path: string, got: string, cause?: unknown): UserError {
  return new UserError(
    path,
    got,
    "an intact .safetensors, as safetensors.torch.save_file writes it",
    fetchStep(path),
    { cause },
  );
}

/**
 * Length in bytes of the JSON, from the file's first `LENGTH_BYTES` bytes.
 * @throws UserError where no file of `fileBytes` can have such a header
 */
export function headerLength(start: Uint8Array, fileBytes: number, path: string): number {
  if (start.length < LENGTH_BYTES)
    throw badSafetensors(path, `${fileBytes} bytes, too few for a .safetensors`);
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const told = view.getBigUint64(0, true);
  if (told > BigInt(MAX_HEADER_BYTES))
    throw badSafetensors(path, `claims a header of ${told} bytes, more than ${MAX_HEADER_BYTES}`);
  const headerBytes = Number(told);
  if (headerBytes < 2 || LENGTH_BYTES + headerBytes > fileBytes)
    throw badSafetensors(
      path,
      `claims a header of ${headerBytes} bytes, and has ${fileBytes} bytes: cut off, or no .safetensors`,
    );
  return headerBytes;
}

/**
 * Parses and checks a header.
 * @param json the header without its length
 * @throws UserError for anything but tensors that follow each other without overlap or hole, each as
 *   long as its shape, up to the end of a file of `fileBytes`
 */
export function parseSafetensorsHeader(
  json: Uint8Array,
  fileBytes: number,
  path: string,
): SafetensorsHeader {
  const refuse = (got: string, cause?: unknown): never => {
    throw badSafetensors(path, `the header ${got}`, cause);
  };
  const { root, text } = parsed(json, refuse);
  const twice = repeatedKey(text);
  if (twice !== undefined) refuse(`names ${quoted(twice)} twice`);
  const metadata = metadataSchema.optional().safeParse(root[METADATA]);
  if (!metadata.success) refuse(`has a ${METADATA} that is no map of texts`);

  const dataStart = LENGTH_BYTES + json.length;
  const entries: SafetensorsEntry[] = [];
  for (const [name, value] of Object.entries(root)) {
    if (name === METADATA) continue;
    if (/\p{Cc}/u.test(name)) refuse(`names a tensor with control characters, ${quoted(name)}`);
    const tensor = tensorSchema.safeParse(value);
    if (!tensor.success) {
      const [issue] = tensor.error.issues;
      refuse(`says of ${quoted(name)}: ${[...issue!.path, issue!.message].join(" ")}`);
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = tensor.data;
    const sizeBytes = bytesOf(dtype, shape);
    if (sizeBytes === undefined)
      refuse(`says of ${quoted(name)}: ${quoted(dtype)} of shape [${shape}], which is no tensor`);
    else if (offsets[1] - offsets[0] !== sizeBytes)
      refuse(
        `gives ${quoted(name)} the bytes ${offsets.join(" to ")}, where ${dtype} of shape [${shape}] has ${sizeBytes}`,
      );
    else
      entries.push({
        ...{ name, shape, dtype, sizeBytes },
        elementType: dtypes[dtype]!.elementType,
        position: dataStart + offsets[0],
      });
  }
  if (entries.length === 0) refuse("names no tensor");
  entries.sort((a, b) => a.position - b.position || a.sizeBytes - b.sizeBytes);
  requireContiguous(entries, dataStart, fileBytes, path);
  return { entries, metadata: metadata.data ?? {} };
}

/** Bytes of a tensor; undefined for an unknown type, and where they are no whole or safe number. */
function bytesOf(dtype: string, shape: readonly number[]): number | undefined {
  const bits = Object.hasOwn(dtypes, dtype) ? dtypes[dtype]!.bits : undefined;
  if (bits === undefined) return undefined;
  // An axis of 0 must not hide an absurd one, so the product is taken over the others.
  const product = sizeOf(shape.filter((side) => side > 0)) * bits;
  const sizeBytes = (sizeOf(shape) * bits) / 8;
  return Number.isSafeInteger(product) && Number.isInteger(sizeBytes) ? sizeBytes : undefined;
}

function requireContiguous(
  entries: readonly SafetensorsEntry[],
  dataStart: number,
  fileBytes: number,
  path: string,
): void {
  let end = dataStart;
  for (const { name, position, sizeBytes } of entries) {
    if (position < end) throw badSafetensors(path, `the tensor ${quoted(name)} overlaps another`);
    if (position > end)
      throw badSafetensors(path, `${position - end} bytes before ${quoted(name)} are no tensor's`);
    end = position + sizeBytes;
  }
  if (end === fileBytes) return;
  const got =
    end > fileBytes
      ? `cut off: ${fileBytes} of ${end} bytes`
      : `${fileBytes - end} bytes follow its last tensor`;
  throw badSafetensors(path, got);
}

function parsed(json: Uint8Array, refuse: (got: string, cause?: unknown) => never) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(json);
    const root: unknown = JSON.parse(text);
    if (typeof root !== "object" || root === null || Array.isArray(root) || json[0] !== 0x7b)
      throw new Error("it does not begin with {");
    return { root: root as Readonly<Record<string, unknown>>, text };
  } catch (error) {
    return refuse("is no JSON object", error);
  }
}

/** The first key that an object of a valid JSON text has twice, which JSON.parse passes over. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}]/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (token.endsWith(":")) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}

/** For messages: short, without control characters. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 120));
}

/**
 * The header of a file that holds tensors one after the other, byte for byte as safetensors' own writer
 * makes it: length, JSON, and spaces up to a multiple of 8.
 * @param tensors in the order of their data, each of one type: `F32` or `F16`
 */
export function encodeSafetensorsHeader(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  dtype: "F32" | "F16",
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let end = 0;
  for (const { name, shape } of tensors) {
    const start = end;
    end += (sizeOf(shape) * dtypes[dtype]!.bits) / 8;
    header[name] = { dtype, shape, data_offsets: [start, end] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}
