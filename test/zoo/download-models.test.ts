/** Many models: several at a time, each on its own, and what stands in the way of all ends all. */
import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { acquireLock } from "../../src/disk/file-lock.js";
import { UserError } from "../../src/errors.js";
import type { DownloadedModel } from "../../src/zoo/download-model.js";
import { downloadModels } from "../../src/zoo/download-models.js";
import { planDownload } from "../../src/zoo/local-models.js";
import type { ZooModel } from "../../src/zoo/models.js";
import { verifyModel } from "../../src/zoo/verify-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { type Answer, serveFile } from "../fetch/file-server.js";
import { officialArchive, writeZeroArchive } from "./zoo-archive.js";

const models: ZooModel[] = ["a", "b", "c", "d"].map((letter) => ({
  name: `vtab/${letter}-R14x0.5`,
  path: `${letter}.npz`,
  classes: 2,
  trainedOn: "nothing",
  exact: true,
}));
const archive = officialArchive("R14x0.5", 2);

async function setting(t: TestContext, paths: readonly string[], answers?: readonly Answer[]) {
  const bytes = await archive;
  const server = await serveFile(Object.fromEntries(paths.map((path) => [path, bytes])), answers);
  t.after(() => server.close());
  const folder = await temporaryFolder(t);
  const became = new Map<string, DownloadedModel | UserError>();
  let atOnce = 0;
  const most = { atOnce: 0 };
  const options = {
    folder,
    baseUrl: server.url,
    backoffMs: 1,
    attempts: 2,
    watch: ({ name }: ZooModel) => {
      most.atOnce = Math.max(most.atOnce, ++atOnce);
      return {
        finished: (result: DownloadedModel | UserError) => {
          atOnce--;
          became.set(name, result);
        },
      };
    },
  };
  const there = async () => (await readdir(join(folder, "vtab"))).sort();
  return { bytes, server, folder, options, became, most, there };
}

const allPaths = models.map(({ path }) => `/${path}`);
const allFiles = models.map(({ name }) => `${name.slice("vtab/".length)}.npz`);

test("all come, as many at a time as wanted", async (t) => {
  const { options, most, there, became } = await setting(t, allPaths);
  await downloadModels(models, { ...options, parallel: 3 });
  assert.deepEqual(await there(), allFiles);
  assert.equal(most.atOnce, 3);
  assert.equal(became.size, 4);
});

test("what the server does not have, and what another downloads, is named at the end", async (t) => {
  const { options, there, became, folder } = await setting(t, [
    allPaths[0]!,
    allPaths[2]!,
    allPaths[3]!,
  ]);
  await downloadModels([models[0]!], options);
  const lock = await acquireLock(join(folder, `${models[2]!.name}.npz`), { purpose: "busy" });
  await assert.rejects(downloadModels(models, options), (error: UserError) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /2 of 4 models did not come/);
    assert.match(error.message, /vtab\/b-R14x0\.5: there is no such file \(404\)/);
    assert.match(error.message, new RegExp(`vtab/c-R14x0\\.5: process ${process.pid} is busy`));
    return true;
  });
  await lock.release();
  assert.deepEqual(await there(), [allFiles[0], allFiles[3]]);
  assert.ok(became.get(models[1]!.name) instanceof UserError);
});

test("a single model's failure is told as it is", async (t) => {
  const { options } = await setting(t, []);
  await assert.rejects(downloadModels([models[0]!], options), /^UserError: http.*a\.npz: there is/);
});

test("a server that cannot be reached ends all", async (t) => {
  const { options, server, became } = await setting(t, allPaths);
  await server.close();
  await assert.rejects(downloadModels(models, options), /the connection failed.*time after time/s);
  assert.equal(became.size, 0);
});

test("a server that fails at one file brings the others", async (t) => {
  const { options, there } = await setting(t, allPaths, [{ status: 500 }, { status: 500 }, {}]);
  await assert.rejects(
    downloadModels(models, { ...options, parallel: 1 }),
    /1 of 4 models did not come:\n.*a-R14x0\.5: the server answered 500.*time after time/,
  );
  assert.deepEqual(await there(), allFiles.slice(1));
});

test("a server that fails at three files in a row is not asked for more", async (t) => {
  const { options, server } = await setting(t, allPaths, [{ status: 500 }]);
  const one = { ...options, parallel: 1 };
  await assert.rejects(downloadModels(models, one), /c-R14x0\.5: .*answered 500.*1 more were not/s);
  assert.equal(server.requests.length, 6);
});

test("an abort ends all with its reason", async (t) => {
  const { options } = await setting(t, allPaths, [{ trickleBytes: 1000 }]);
  const controller = new AbortController();
  const reason = new Error("enough");
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(downloadModels(models, { ...options, signal: controller.signal }), reason);
});

test("a plan counts what is missing, less what is there of it", async (t) => {
  const { bytes, folder, options } = await setting(t, allPaths);
  await downloadModels([models[0]!], options);
  const [, half, damaged, other] = models.map(({ name }) => join(folder, `${name}.npz`));
  await writeFile(`${half}.part`, bytes.subarray(0, 1000));
  await writeFile(damaged!, bytes.subarray(0, 1000));
  await writeZeroArchive(other!, "R14x0.5", 3);
  const plan = await planDownload(models, { folder, freeBytesOf: async () => 5 });
  assert.deepEqual(
    plan.models.map(({ presence }) => presence),
    ["here", "partly", "damaged", "other"],
  );
  assert.equal(plan.missing.length, 2);
  assert.equal(plan.missingBytes, 2 * bytes.length - 1000);
  assert.equal(plan.freeBytes, 5);
  const all = await planDownload(models, { folder, force: true });
  assert.equal(all.missing.length, 4);
  assert.ok(all.freeBytes! > 0);
  const nowhere = await planDownload(models, { folder: join(folder, "not", "yet") });
  assert.equal(nowhere.missing.length, 4);
  assert.ok(nowhere.freeBytes! > 0);
});

test("a check reads all bytes, and knows what was recorded", async (t) => {
  const { bytes, folder, options } = await setting(t, allPaths);
  await downloadModels([models[0]!], options);
  const path = join(folder, `${models[0]!.name}.npz`);
  const verdict = async (i: number) => verifyModel(models[i]!, { folder });
  assert.match((await verdict(0)).text, /whole, \d+ bytes, SHA-256 \w{64} \(as in SHA256SUMS\)/);
  assert.deepEqual((await verdict(1)).good, false);
  assert.match((await verdict(1)).text, /there is no such file/);
  await writeZeroArchive(path, "R14x0.5", 2);
  const changed = await verdict(0);
  assert.equal(changed.good, false);
  assert.match(changed.text, /its SHA-256 is \w{64}, SHA256SUMS has \w{64}/);
  const wrong = bytes.slice();
  wrong[bytes.length >> 1]! ^= 1;
  await writeFile(path, wrong);
  assert.match((await verdict(0)).text, /CRC-32 of '.*' does not match/);
  await writeFile(join(folder, `${models[1]!.name}.npz`), bytes);
  assert.match((await verdict(1)).text, /\(not in SHA256SUMS\)/);
});
