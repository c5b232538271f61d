/**
 * Features of a folder of photos by bit-train, in a process of its own, as `features.py extract` does it:
 *
 *   node dist/bench/features/own.js FOLDER ARCHIVE OUT.npy
 */
import { availableParallelism } from "node:os";
import { writeNpy } from "../../src/archive/npy.js";
import { openEngine } from "../../src/engine/open.js";
import { featuresOf } from "../../src/run/feature-table.js";
import { imagesOfFolder } from "../../src/run/folder-features.js";
import { findHeadlessModel } from "../../src/run/trained-model.js";

const [folder, archive, out] = process.argv.slice(2) as [string, string, string];
const engine = openEngine();
const begun = performance.now();
const before = process.cpuUsage();
const model = await findHeadlessModel(archive);
const { images } = await imagesOfFolder(folder, "refuse");
const { values, count, channels } = await featuresOf(
  images,
  model,
  {
    ...{ size: 224, batch: 32, workers: availableParallelism(), kept: false },
    precision: "fp32",
  },
  engine,
);
await writeNpy(out, { shape: [count, channels], data: values });
const { user, system } = process.cpuUsage(before);
const seconds = (performance.now() - begun) / 1000;
const cpu_seconds = (user + system) / 1e6;
console.log(JSON.stringify({ seconds, cpu_seconds, shape: [count, channels] }));
