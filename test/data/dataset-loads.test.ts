/** A dataset that is asked for again is not looked over again, and is what it would be. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { FileSource } from "../../src/data/dataset.js";
import { datasetLoads } from "../../src/data/dataset-loads.js";
import { type DatasetRequest, loadDataset } from "../../src/data/datasets.js";
import { bmp, pattern, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder, writeTree } from "./temporary-folder.js";

/** A folder without parts: what is held out depends on the seed. */
async function undivided(root: string): Promise<string> {
  const names = ["a", "b"].flatMap((name) => [...Array(10).keys()].map((i) => [name, i] as const));
  const files = names.map(([name, i]) => {
    return [`all/${name}/${i}.bmp`, Buffer.from(bmp(pattern(0, i, 40, 36), 40, 36))] as const;
  });
  await writeTree(root, Object.fromEntries(files));
  return join(root, "all");
}

test("other seeds and examples are those of a dataset that is loaded anew, without its files", async (t) => {
  const root = await temporaryFolder(t);
  const folders = { parts: await writeTinyFolder(root), whole: await undivided(root) };
  for (const [what, dataset] of Object.entries(folders)) {
    for (const badImages of ["refuse", "skip"] as const) {
      const asked: string[] = [];
      const findUndecodable = async ({ paths }: FileSource) => {
        asked.push(...paths);
        return paths.flatMap((path, index) =>
          /(a|red)\/3\.bmp$/.test(path)
            ? [{ index, path, reason: "torn", kind: "corrupt" as const }]
            : [],
        );
      };
      const requests: DatasetRequest[] = [
        ...[0, 1, 2, 0].map((seed) => ({ seed })),
        ...[3, 4].map((seed) => ({ seed, examplesPerClass: 2, examplesPerClassSeed: seed })),
      ].map((changes) => ({ dataset, badImages, findUndecodable, ...changes }));
      const fresh = [];
      for (const request of requests) fresh.push(await loadDataset(request));
      asked.length = 0;
      const load = datasetLoads();
      for (const [i, request] of requests.entries())
        assert.deepEqual(await load(request), fresh[i], `${what}, ${badImages}, request ${i}`);
      assert.equal(new Set(asked).size, asked.length, "each image is asked about once");
      if (what === "whole") {
        const held = fresh.slice(0, 3).map(({ val }) => JSON.stringify(val.images));
        assert.equal(new Set(held).size, 3, "another fifth for each seed");
      }
    }
  }
  const late = datasetLoads();
  const skipping = { dataset: folders.whole, seed: 0, badImages: "skip" as const };
  assert.equal((await late(skipping)).unreadable?.length, 0);
  const findUndecodable = async () => [
    { index: 0, path: "0.bmp", reason: "torn", kind: "corrupt" as const },
  ];
  const { unreadable } = await late({ ...skipping, findUndecodable });
  assert.equal(unreadable?.length, 2, "one of either part");
  const load = datasetLoads();
  const request = { dataset: folders.whole, seed: 0 };
  await load(request);
  const other = await loadDataset({ ...request, seed: 1 });
  await rm(folders.whole, { recursive: true });
  assert.deepEqual(await load({ ...request, seed: 1 }), other);
  await assert.rejects(load({ ...request, dataset: join(root, "none") }), /neither a known/);
});
