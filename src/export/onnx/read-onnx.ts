/**
 * Reads the structure of an ONNX file, and where its weights lie: these are read one at a time, since
 * they may be larger than the memory.
 */
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { float16ToFloat32 } from "../../archive/float16.js";
import { sizeOf } from "../../archive/shape.js";
import { allocate, openForReading, readError, readExactly } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { copyAgain, damagedExport } from "../damaged-export.js";
import {
  dataType,
  decode,
  externalLocation,
  fieldNumber,
  type GraphProto,
  type ModelProto,
  type TensorProto,
} from "./onnx-proto.js";
import { type FilePart, fieldsOf, WindowedFile } from "./protobuf-fields.js";
import { modelFile } from "./write-onnx.js";

/** A tensor of a file, and where its values are. */
export interface FileTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly type: keyof typeof dataType;
  readonly handle: FileHandle;
  readonly position: number;
}

/** An open ONNX file. `close` it when done. */
export interface OnnxFile {
  readonly path: string;
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly tensors: ReadonlyMap<string, FileTensor>;
  close(): Promise<void>;
}

/**
 * Opens `model.onnx` of a folder, and the files of weights that it names.
 * @throws UserError where a file is missing, cut off or damaged
 */
export async function openOnnx(folder: string): Promise<OnnxFile> {
  const path = join(folder, modelFile);
  const files = new Files(folder);
  try {
    const { handle, sizeBytes } = await files.open(modelFile);
    const parts = await messageParts(new WindowedFile(handle, sizeBytes), sizeBytes);
    const tensors = new Map<string, FileTensor>();
    for (const part of parts.tensors) {
      const proto = decode("TensorProto", part.message);
      if (tensors.has(proto.name)) throw new Error(`two tensors are called '${proto.name}'`);
      tensors.set(proto.name, await place(files, { handle, sizeBytes }, proto, part.values));
    }
    const model = decode("ModelProto", parts.model);
    return { path, model, graph: decode("GraphProto", parts.graph), tensors, close: files.close };
  } catch (error) {
    await files.close();
    throw asUserError(path, error);
  }
}

/** What the system and damage throw as a UserError. */
function asUserError(path: string, error: unknown): unknown {
  const known = readError(path, error, copyAgain);
  if (known instanceof UserError || !(known instanceof Error)) return known;
  return damagedExport(path, known.message, known);
}

/**
 * The values of a tensor of floats, row-major, in memory of their own.
 * @throws UserError where they cannot be read
 */
export async function readFloats(path: string, tensor: FileTensor): Promise<Float32Array> {
  const bytes = await readValues(path, tensor);
  return tensor.type === "float16"
    ? float16ToFloat32(new Uint16Array(bytes))
    : new Float32Array(bytes);
}

/** The values of a tensor of int64. */
export async function readIntegers(path: string, tensor: FileTensor): Promise<number[]> {
  return Array.from(new BigInt64Array(await readValues(path, tensor)), Number);
}

async function readValues(path: string, tensor: FileTensor): Promise<ArrayBuffer> {
  const bytes = allocate(sizeBytesOf(tensor), `${path}, '${tensor.name}'`);
  try {
    await readExactly(tensor.handle, new Uint8Array(bytes), tensor.position);
    return bytes;
  } catch (error) {
    throw asUserError(path, error);
  }
}

const elementBytes = { float32: 4, float16: 2, int64: 8 } as const;

function sizeBytesOf({ dims, type }: Pick<FileTensor, "dims" | "type">): number {
  return sizeOf(dims) * elementBytes[type];
}

interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/** The files of a folder that are open, each once. */
class Files {
  /** Promises: who asks while a file is being opened gets the same one. */
  private readonly opened = new Map<string, Promise<OpenFile>>();

  constructor(private readonly folder: string) {}

  open(name: string): Promise<OpenFile> {
    const file = this.opened.get(name) ?? openForReading(join(this.folder, name), copyAgain);
    this.opened.set(name, file);
    return file;
  }

  readonly close = async (): Promise<void> => {
    for (const opened of await Promise.allSettled(this.opened.values()))
      if (opened.status === "fulfilled") await opened.value.handle.close();
    this.opened.clear();
  };
}

/** The bytes of the messages, without the values of tensors. */
interface MessageParts {
  readonly model: Uint8Array;
  readonly graph: Uint8Array;
  readonly tensors: readonly { readonly message: Uint8Array; readonly values?: FilePart }[];
}

async function messageParts(file: WindowedFile, sizeBytes: number): Promise<MessageParts> {
  const model = await without(file, { start: 0, end: sizeBytes }, fieldNumber.graph);
  if (model.found.length !== 1) throw new Error(`${model.found.length} graphs`);
  const graph = await without(file, model.found[0]!, fieldNumber.initializer);
  const tensors: { message: Uint8Array; values?: FilePart }[] = [];
  for (const part of graph.found) {
    const { rest, found } = await without(file, part, fieldNumber.rawData);
    tensors.push({ message: rest, ...(found[0] && { values: found[0] }) });
  }
  return { model: model.rest, graph: graph.rest, tensors };
}

/** A message without one of its fields, and where the contents of that are. */
async function without(
  file: WindowedFile,
  message: FilePart,
  number: number,
): Promise<{ readonly rest: Uint8Array; readonly found: readonly FilePart[] }> {
  const rest: Uint8Array[] = [];
  const found: FilePart[] = [];
  for await (const field of fieldsOf(file, message)) {
    if (field.number === number && field.contents) found.push(field.contents);
    else rest.push(Uint8Array.from(await file.bytes(field.whole)));
  }
  return { rest: Buffer.concat(rest), found };
}

async function place(
  files: Files,
  model: OpenFile,
  proto: TensorProto,
  inside: FilePart | undefined,
): Promise<FileTensor> {
  const { name, dims } = proto;
  const fail = (got: string) => new Error(`tensor '${name}': ${got}`);
  const type = Object.entries(dataType).find(([, number]) => number === proto.dataType)?.[0];
  if (type === undefined) throw fail(`its element type is ${proto.dataType}`);
  const tensor = { name, dims, type: type as keyof typeof dataType };
  if (!dims.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw fail(`its shape is [${dims.join()}]`);
  const sizeBytes = sizeBytesOf(tensor);
  if (proto.dataLocation !== externalLocation) {
    const given = inside ? inside.end - inside.start : 0;
    if (given !== sizeBytes) throw fail(`${given} bytes of values, instead of ${sizeBytes}`);
    return { ...tensor, handle: model.handle, position: inside?.start ?? 0 };
  }
  const entries = new Map(proto.externalData?.map(({ key, value }) => [key, value]));
  const location = entries.get("location") ?? "";
  if (!/^[\w-][\w.-]*$/.test(location)) throw fail(`its file is '${location}', not of this folder`);
  const file = await files.open(location);
  const [position, length] = [Number(entries.get("offset") ?? 0), Number(entries.get("length"))];
  if (length !== sizeBytes) throw fail(`${length} bytes of values, instead of ${sizeBytes}`);
  if (!(Number.isSafeInteger(position) && position >= 0 && position + length <= file.sizeBytes))
    throw fail(`its place, byte ${position} of ${location}, is beyond the end`);
  return { ...tensor, handle: file.handle, position };
}
