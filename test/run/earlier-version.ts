/** Runs as earlier versions of bit-train left them: one archive with momentum and position inside. */
import { copyFile, rm, stat } from "node:fs/promises";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import { checkpointAt, listCheckpoints } from "../../src/checkpoint/checkpoint-folder.js";
import { fileHash } from "../../src/disk/file-hash.js";
import { metadataArray } from "../../src/record/archive-record.js";
import { manifestVersion } from "../../src/record/manifest.js";
import type { RunFolder } from "../../src/record/run-folder.js";
import { readJson, writeJson } from "../../src/record/versioned-json.js";

async function arraysOf(path: string): Promise<NamedArray[]> {
  const archive = await NpzReader.open(path);
  try {
    const arrays: NamedArray[] = [];
    for (const name of archive.names) {
      const { shape, data } = await archive.read(name);
      // Doubles come back as floats.
      const isDouble = archive.entry(name).dtype === "<f8" && data instanceof Float32Array;
      arrays.push({ name, array: { shape, data: isDouble ? new Float64Array(data) : data } });
    }
    return arrays;
  } finally {
    await archive.close();
  }
}

/** Rewrites each of a run's checkpoints as one archive without a record, with its manifest. */
export async function asEarlierVersion(folder: RunFolder): Promise<void> {
  for (const steps of (await listCheckpoints(folder.checkpoints)).toReversed()) {
    const paths = checkpointAt(folder.checkpoints, steps);
    const arrays = [...(await arraysOf(paths.archive)), ...(await arraysOf(paths.optimizer))];
    await writeNpz(
      paths.archive,
      arrays.filter(({ name }) => name !== metadataArray),
    );
    const { optimizer, ...manifest } = (await readJson(paths.manifest, manifestVersion))!;
    const { size: bytes } = await stat(paths.archive);
    const archive = { bytes, sha256: await fileHash(paths.archive, "sha256") };
    await writeJson(paths.manifest, { ...manifest, version: 1, archive });
    await rm(paths.optimizer);
    await rm(folder.checkpoint);
    await copyFile(paths.archive, folder.checkpoint);
  }
  await rm(folder.best, { force: true });
}
