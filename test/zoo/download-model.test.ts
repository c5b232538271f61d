/** What lies under a model's name is that model, whole, or was left alone. */
import assert from "node:assert/strict";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { addressOf, downloadModel } from "../../src/zoo/download-model.js";
import { findZooModel, ZOO, type ZooModel } from "../../src/zoo/models.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { type Answer, serveFile } from "../fetch/file-server.js";
import { writeZeroArchive } from "./zoo-archive.js";

const small: ZooModel = {
  name: "Test-R14x0.5",
  path: "vtab/Test-R14x0.5.npz",
  classes: 7,
  trainedOn: "nothing",
};

async function setting(t: TestContext, answers?: readonly Answer[], classes = small.classes) {
  const folder = await temporaryFolder(t);
  const source = join(await temporaryFolder(t), "source.npz");
  await writeZeroArchive(source, small.name, classes);
  const archive = new Uint8Array(await readFile(source));
  const server = await serveFile(archive, answers);
  t.after(() => server.close());
  const notes: string[] = [];
  const options = {
    folder,
    baseUrl: server.url,
    backoffMs: 1,
    note: (line: string) => void notes.push(line),
  };
  const path = join(folder, `${small.name}.npz`);
  return { folder, archive, server, notes, options, path };
}

test("a model is fetched from its own path, and not again", async (t) => {
  const { options, path, archive, server, folder } = await setting(t);
  const first = await downloadModel(small, options);
  assert.deepEqual(first, { path, sizeBytes: archive.length, fetched: true });
  assert.deepEqual(new Uint8Array(await readFile(path)), archive);
  assert.deepEqual(await readdir(folder), [`${small.name}.npz`]);
  assert.equal(server.requests[0]!.path, `/${small.path}`);
  assert.equal((await downloadModel(small, options)).fetched, false);
  assert.equal(server.requests.length, 1);
  assert.equal((await downloadModel(small, { ...options, force: true })).fetched, true);
  assert.equal(server.requests.length, 2);
});

test("an archive that was cut off before is replaced", async (t) => {
  const { options, path, archive, notes } = await setting(t);
  await writeFile(path, archive);
  await truncate(path, archive.length - 1000);
  assert.equal((await downloadModel(small, options)).fetched, true);
  assert.deepEqual(new Uint8Array(await readFile(path)), archive);
  assert.match(notes[0]!, /cut off.*will be replaced/);
});

test("another archive under the model's name is left alone without --force", async (t) => {
  const { options, path, archive, server } = await setting(t);
  await writeZeroArchive(path, small.name, 5);
  const before = await readFile(path);
  await assert.rejects(downloadModel(small, options), /is another archive.*--force/s);
  assert.deepEqual(await readFile(path), before);
  assert.equal(server.requests.length, 0);
  await downloadModel(small, { ...options, force: true });
  assert.deepEqual(new Uint8Array(await readFile(path)), archive);
});

for (const [what, answers, classes, message] of [
  ["is no archive", [{ file: new Uint8Array(5000) }], 7, /what came is not/],
  ["is cut off on the server", undefined, -1, /cut off/],
  ["has another head", undefined, 9, /a head of 9 classes instead of 7/],
] as const) {
  test(`what ${what} never gets the model's name`, async (t) => {
    const { options, archive, folder } = await setting(t, answers, Math.max(classes, 1));
    if (classes === -1) {
      const cut = await serveFile(archive.subarray(0, archive.length - 500));
      t.after(() => cut.close());
      options.baseUrl = cut.url;
    }
    await assert.rejects(downloadModel(small, options), (error: UserError) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(await readdir(folder), []);
  });
}

test("the table has the published models, and names that are near to a wrong one", () => {
  assert.equal(ZOO.length, 18);
  assert.equal(new Set(ZOO.map(({ name }) => name)).size, 18);
  const address = addressOf(findZooModel("BiT-M-R50x1-ILSVRC2012.npz"));
  assert.equal(address, "https://storage.googleapis.com/bit_models/BiT-M-R50x1-ILSVRC2012.npz");
  assert.equal(findZooModel("BiT-M-R152x4").classes, 21_843);
  assert.equal(findZooModel("BiT-S-R152x4").classes, 1000);
  assert.throws(() => findZooModel("bit-m-r50x1"), /perhaps BiT-M-R50x1/);
  assert.throws(() => findZooModel("BiT-L-R101x3"), /perhaps .*BiT-[MS]-R101x3/);
  assert.throws(() => findZooModel("alexnet"), /a name such as BiT-S-R50x1/);
});

test("an address that is none is the user's mistake", () => {
  const model = findZooModel("BiT-M-R50x1");
  for (const url of ["", "models", "file:///models"])
    assert.throws(() => addressOf(model, url), UserError);
  assert.equal(addressOf(model, "http://mirror/bit/"), "http://mirror/bit/BiT-M-R50x1.npz");
});
