import { NpzReader } from "../../src/archive/npz-reader.js";
import type { NamedArray, NumericArray } from "../../src/archive/numeric-array.js";

/** All arrays of an archive, in its order. */
export async function readArrays(path: string): Promise<NamedArray[]> {
  const archive = await NpzReader.open(path);
  try {
    const arrays: NamedArray[] = [];
    for (const name of archive.names) arrays.push({ name, array: await archive.read(name) });
    return arrays;
  } finally {
    await archive.close();
  }
}

/** All arrays of an archive, by their names. */
export async function arraysByName(path: string): Promise<Map<string, NumericArray>> {
  return new Map((await readArrays(path)).map(({ name, array }) => [name, array]));
}
