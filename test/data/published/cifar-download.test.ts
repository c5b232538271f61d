import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { loadDataset } from "../../../src/data/datasets.js";
import { fixturePath } from "../../fixture-path.js";
import { serveData } from "../data-server.js";
import { sumsOf, tarGzOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

/** The archive of one of the fixtures' folders. */
async function archiveOf(folder: string): Promise<Buffer> {
  const files: Record<string, Uint8Array> = {};
  for (const name of await readdir(fixturePath("data", "cifar", folder)))
    files[`${folder}/${name}`] = await readFile(fixturePath("data", "cifar", folder, name));
  return tarGzOf(files);
}

for (const [dataset, folder, archive] of [
  ["cifar10", "cifar-10-batches-py", "cifar-10-python.tar.gz"],
  ["cifar100", "cifar-100-python", "cifar-100-python.tar.gz"],
] as const)
  test(`${dataset} is fetched where it is missing, over a cut connection too`, async (t) => {
    const files = { [archive]: await archiveOf(folder) };
    const server = await serveData(t, { ...files, MD5SUMS: sumsOf(files) });
    const cutting = await serveData(t, files, 200);
    const datadir = await temporaryFolder(t);
    const request = { dataset, datadir, seed: 0, trustMirror: true };
    // The cut one is not trusted: what came is held against the publisher's sum.
    const untrusted = { ...request, dataUrl: cutting.url, trustMirror: false };
    await assert.rejects(loadDataset(untrusted), {
      name: "UserError",
      message: /MD5 sum .*; it was removed\n.*, as published/,
    });
    assert.deepEqual(cutting.requests, [`GET /${archive}`, `GET /${archive} from 200`]);
    assert.deepEqual(await readdir(datadir), []);

    const loaded = await loadDataset({ ...request, dataUrl: server.url });
    assert.deepEqual(await readdir(datadir), [archive]);
    assert.deepEqual(await loadDataset({ ...request, dataUrl: server.url }), loaded);
    assert.deepEqual(server.requests, ["GET /MD5SUMS", `GET /${archive}`]);
  });

test("nothing is fetched offline, or where a part of the dataset is", async (t) => {
  const server = await serveData(t, {});
  const datadir = await temporaryFolder(t);
  const request = { dataset: "cifar10", datadir, seed: 0, dataUrl: server.url };
  await assert.rejects(loadDataset({ ...request, offline: true }), {
    message: /no cifar10 there\n.*\n.*download https:.*cifar-10-python\.tar\.gz/,
  });
  await writeTree(datadir, { "cifar-10-batches-py/test_batch": "" });
  await assert.rejects(loadDataset(request), { message: /data_batch_1.* are missing/ });
  assert.deepEqual(server.requests, []);
});
