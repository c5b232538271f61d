/**
 * Transfer without training: a new image is of the class of those nearest to it in the space of a
 * pretrained network's features. With few images of each class that is a quick first answer.
 *
 *   node neighbours.js                          # the model and the images that come with the package
 *   node neighbours.js BiT-M-R50x1 photos       # photos/train/<class>/*, photos/val/<class>/*
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadModel } from "bit-train";

const sample = fileURLToPath(
  new URL("sample/images", import.meta.resolve("bit-train/package.json")),
);
const [source = "sample-R14x0.5", folder = sample] = process.argv.slice(2);
const k = 3;

/** The images in `<part>/<class>/`, each with its class. */
async function imagesOf(part: string): Promise<{ paths: string[]; labels: string[] }> {
  const paths: string[] = [];
  const labels: string[] = [];
  for (const label of (await readdir(join(folder, part))).sort()) {
    for (const file of (await readdir(join(folder, part, label))).sort()) {
      paths.push(join(folder, part, label, file));
      labels.push(label);
    }
  }
  return { paths, labels };
}

await using model = await loadModel(source);

/** Features of unit length, so that a dot product is the cosine of their angle. */
async function unitFeatures(paths: readonly string[]): Promise<Float32Array[]> {
  const { features, shape } = await model.embed(paths);
  const [count, size] = shape;
  return Array.from({ length: count }, (_, i) => {
    const row = features.slice(i * size, (i + 1) * size);
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  });
}

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

const known = await imagesOf("train");
const knownFeatures = await unitFeatures(known.paths);
const asked = await imagesOf("val");
const askedFeatures = await unitFeatures(asked.paths);

let right = 0;
for (const [i, features] of askedFeatures.entries()) {
  const nearest = knownFeatures
    .map((other, at) => ({ label: known.labels[at]!, cosine: dot(features, other) }))
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, k);
  const votes = new Map<string, number>();
  for (const { label, cosine } of nearest) votes.set(label, (votes.get(label) ?? 0) + cosine);
  const [best] = [...votes].sort((a, b) => b[1] - a[1]);
  if (best?.[0] === asked.labels[i]) right++;
}
const share = ((100 * right) / asked.paths.length).toFixed(1);
console.log(
  `${right} of ${asked.paths.length} images right (${share} %), by ${known.paths.length}`,
);
