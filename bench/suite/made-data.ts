/** Data that the benchmark makes for itself, once, in the cache folder. Equal on every machine. */
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeNpy } from "../../src/archive/npy.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { initialVariables, randomImages } from "../../src/bench/task.js";
import { parseArchitecture } from "../../src/model/architecture.js";

/** Makes a folder complete or not at all, unless it is there. */
export async function makeFolder(
  folder: string,
  fill: (unfinished: string) => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) return;
  const unfinished = `${folder}.${process.pid}.tmp`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true });
  try {
    await fill(unfinished);
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Writes an archive of random weights with a head of `classes`, unless it is there. */
export async function makeArchive(path: string, model: string, classes: number): Promise<void> {
  if (existsSync(path)) return;
  await mkdir(dirname(path), { recursive: true });
  const variables = initialVariables({ architecture: parseArchitecture(model), classes });
  const arrays = (function* () {
    for (const [{ name, shape }, data] of variables) yield { name, array: { shape, data } };
  })();
  await writeNpz(path, arrays);
}

/** Writes random images, float32 `[batch,resolution,resolution,3]` in [-1, 1), as a .npy. */
export async function makeImages(path: string, batch: number, resolution: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeNpy(path, randomImages({ batch, resolution }));
}

/**
 * Makes a folder with CIFAR-10's binary files, of random pixels: `images` in each of the five files
 * to train on and in the one to test on.
 */
export function makeCifar(folder: string, images: number): Promise<void> {
  return makeFolder(folder, async (unfinished) => {
    const inner = join(unfinished, "cifar-10-batches-bin");
    await mkdir(inner);
    const names = [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`).concat("test_batch.bin");
    for (const [file, name] of names.entries())
      await writeFile(join(inner, name), cifarBytes(images, file));
  });
}

/** A label and 3072 pixels for each image. */
function cifarBytes(images: number, seed: number): Uint8Array {
  const imageBytes = 1 + 3 * 32 * 32;
  const bytes = new Uint8Array(images * imageBytes);
  let state = seed + 1;
  for (let i = 0; i < bytes.length; i++) {
    // Numerical Recipes' generator; its upper bits are random enough for pixels.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = i % imageBytes === 0 ? Math.floor(i / imageBytes) % 10 : state >>> 24;
  }
  return bytes;
}
