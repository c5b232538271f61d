/** Archives of the zoo's models: packed small, every value being zero, or as the official ones are. */
import zlib from "node:zlib";
import { crc32 } from "../../src/archive/crc32.js";
import { encodeNpyHeader } from "../../src/archive/npy.js";
import { encodeNpzBytes } from "../../src/archive/npz-bytes.js";
import { sizeOf } from "../../src/archive/shape.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { writeZip } from "../archive/zip-builder.js";

/** Writes an archive that fits `model` with a head of `classes`. */
export async function writeZeroArchive(
  path: string,
  model: string,
  classes: number,
): Promise<void> {
  const members = variableSpecs(parseArchitecture(model), classes).map(({ name, shape }) => {
    const header = encodeNpyHeader("<f4", shape);
    const contents = new Uint8Array(header.length + 4 * sizeOf(shape));
    contents.set(header);
    return {
      name: `${name}.npy`,
      contents: new Uint8Array(zlib.deflateRawSync(contents, { level: 1 })),
      method: 8,
      uncompressedSize: contents.length,
      crc: crc32(contents),
    };
  });
  await writeZip(path, members);
}

/**
 * An archive that fits `model`, laid out as the official ones are: stored, without extra fields. For
 * small models.
 */
export async function officialArchive(
  model: string,
  classes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const specs = variableSpecs(parseArchitecture(model), classes);
  const arrays = specs.map(({ name, shape }) => {
    return { name, array: { shape, data: new Float32Array(sizeOf(shape)) } };
  });
  return new Uint8Array(await encodeNpzBytes(arrays));
}
