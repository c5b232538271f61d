/** Tells whether a dataset is the one that a run began with. */
import { createHash, type Hash } from "node:crypto";
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import type { Dataset, FileSource, PixelSource, Split } from "../data/dataset.js";
import type { DataFingerprint } from "../record/manifest.js";
import { sampleOfContents } from "./sample-of-contents.js";

/**
 * Takes a dataset's fingerprint: how many examples, which classes, every label, and the images'
 * names, sizes and a sample of their bytes, or their pixels where these lie in memory. Names are those below the folder that
 * all files of a part share, so that a dataset may move.
 */
export async function fingerprintOf({
  train,
  val,
  classNames,
}: Pick<Dataset, "train" | "val" | "classNames">): Promise<DataFingerprint> {
  const labels = createHash("sha256");
  const images = createHash("sha256");
  const contents: string[] = [];
  for (const part of [train, val]) {
    labels.update(bytesOf(part.labels)).update("\n");
    await addImages(images, part);
    if (part.images.kind === "files") contents.push(await sampleOfContents(part.images));
  }
  return {
    train: train.labels.length,
    val: val.labels.length,
    classNames: [...classNames],
    labels: labels.digest("hex"),
    images: images.digest("hex"),
    ...(contents.length > 0 && {
      contents: createHash("sha256").update(contents.join("\n")).digest("hex"),
    }),
  };
}

/** A fingerprint's hashes, which `config.json` holds. */
export function hashesOf({
  labels,
  images,
  contents,
}: DataFingerprint): Pick<DataFingerprint, "labels" | "images" | "contents"> {
  return { labels, images, ...(contents !== undefined && { contents }) };
}

async function addImages(hash: Hash, { images }: Split): Promise<void> {
  if (images.kind === "pixels") addPixels(hash, images);
  else await addFiles(hash, images);
}

// A hash takes 2 GiB at once.
const chunkBytes = 2 ** 26;

function addPixels(hash: Hash, { pixels, height, width }: PixelSource): void {
  hash.update(`pixels ${height} ${width}\n`);
  for (let start = 0; start < pixels.length; start += chunkBytes)
    hash.update(pixels.subarray(start, start + chunkBytes));
}

// Asking the size of each of a million files takes longer than it tells: every name counts, and the
// size of so many files, spread evenly.
const sizesAtMost = 50_000;
const sizesAtOnce = 64;

async function addFiles(hash: Hash, { paths, ranges }: FileSource): Promise<void> {
  const root = sharedFolder(paths);
  for (const path of paths) hash.update(`${relative(root, path)}\n`);
  if (ranges !== undefined) {
    for (const column of [ranges.offsets, ranges.lengths]) hash.update(bytesOf(column));
    return;
  }
  const stride = Math.max(1, Math.ceil(paths.length / sizesAtMost));
  const asked = paths.filter((_, i) => i % stride === 0);
  for (let start = 0; start < asked.length; start += sizesAtOnce) {
    const some = asked.slice(start, start + sizesAtOnce);
    // A file that has vanished is told of when it is to be decoded.
    const sizes = await Promise.all(
      some.map((path) =>
        stat(path)
          .then(({ size }) => size)
          .catch(() => -1),
      ),
    );
    hash.update(`${sizes.join("\n")}\n`);
  }
}

/** The longest path of a folder in which all files lie: `/data/pets/train/`. */
function sharedFolder(paths: readonly string[]): string {
  let shared = paths[0] ?? "";
  for (const path of paths)
    while (!path.startsWith(shared))
      shared = shared.slice(0, shared.lastIndexOf("/", shared.length - 2) + 1);
  return shared.slice(0, shared.lastIndexOf("/") + 1);
}

function bytesOf(values: Int32Array | Float64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
