/**
 * Reads .safetensors files tensor by tensor with random access: a tensor goes from the disk straight
 * into its own buffer, and a file of any size costs no more memory than the tensor being read.
 * The format has no checksums: what a damaged value is, only its reader can tell.
 */
import type { FileHandle } from "node:fs/promises";
import { allocate, openForReading, readError, readExactly } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import type { ArrayArchive, ArrayEntry, ArrayPlace } from "./array-entry.js";
import { fetchStep } from "./not-an-npz.js";
import { typedView } from "./npy-codec.js";
import type { ArrayElementType, NumericArray } from "./numeric-array.js";
import {
  headerLength,
  LENGTH_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
} from "./safetensors-header.js";

/** An open .safetensors file. `close` it when done. */
export class SafetensorsReader implements ArrayArchive {
  /** The tensors' names in the order of their data. */
  readonly names: readonly string[];

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    private readonly entries: ReadonlyMap<string, SafetensorsEntry>,
    /** What the file says of itself: `{ format: "pt" }` as a rule. */
    readonly metadata: Readonly<Record<string, string>>,
  ) {
    this.names = [...entries.keys()];
  }

  /**
   * Opens a file and reads its header. A tensor of a type that is not read (8-bit floats) is listed;
   * only asking for it throws.
   * @throws UserError where the file is missing, no .safetensors, cut off or damaged, or tensors
   *   overlap, leave holes or are there twice
   */
  static async open(path: string): Promise<SafetensorsReader> {
    const nextStep = fetchStep(path, "download it");
    const { handle, sizeBytes } = await openForReading(path, nextStep);
    try {
      const start = new Uint8Array(Math.min(LENGTH_BYTES, sizeBytes));
      await readExactly(handle, start, 0);
      const json = new Uint8Array(headerLength(start, sizeBytes, path));
      await readExactly(handle, json, LENGTH_BYTES);
      const { entries, metadata } = parseSafetensorsHeader(json, sizeBytes, path);
      const byName = new Map(entries.map((entry) => [entry.name, entry]));
      return new SafetensorsReader(path, handle, byName, metadata);
    } catch (error) {
      await handle.close();
      throw readError(path, error, nextStep);
    }
  }

  has(name: string): boolean {
    return this.entries.has(name);
  }

  entry(name: string): ArrayEntry {
    const { shape, dtype, elementType, sizeBytes } = this.tensor(name);
    return { name, shape, dtype, elementType, sizeBytes };
  }

  async read(name: string): Promise<NumericArray> {
    const { shape, elementType, sizeBytes, position } = this.tensor(name);
    const raw = allocate(sizeBytes, `${this.path}, array '${name}'`);
    try {
      await readExactly(this.handle, new Uint8Array(raw), position);
    } catch (error) {
      throw readError(this.path, error, fetchStep(this.path));
    }
    return { shape, data: typedView(raw, elementType) };
  }

  place(name: string): ArrayPlace | undefined {
    const { elementType, position } = this.tensor(name);
    if (elementType !== "f4") return undefined;
    return { descriptor: this.handle.fd, position, previousCrc: 0, expectedCrc: undefined };
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private tensor(name: string): SafetensorsEntry & { readonly elementType: ArrayElementType } {
    const found = this.entries.get(name);
    const where = found === undefined ? this.path : `${this.path}, array '${name}'`;
    if (found?.elementType !== undefined) return { ...found, elementType: found.elementType };
    throw found === undefined
      ? new UserError(
          where,
          `holds no array '${name}'`,
          `one of its ${this.names.length} arrays, the first being '${this.names[0]}'`,
          "check that the file belongs to the model",
        )
      : new UserError(
          where,
          `numbers of type ${found.dtype}`,
          "F32, F16, BF16, F64, integers or BOOL",
          "save it again from Python with tensor.float()",
        );
  }
}
