/** What lies under a model's name is that model, whole, or was left alone. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { acquireLock, FileLocked } from "../../src/disk/file-lock.js";
import { UserError } from "../../src/errors.js";
import { type DownloadOptions, downloadModel } from "../../src/zoo/download-model.js";
import type { ZooModel } from "../../src/zoo/models.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { type Answer, serveFile } from "../fetch/file-server.js";
import { officialArchive, writeZeroArchive } from "./zoo-archive.js";

const small: ZooModel = {
  name: "Test-R14x0.5",
  path: "elsewhere/Test-R14x0.5.npz",
  classes: 7,
  trainedOn: "nothing",
  exact: true,
};
const official = officialArchive(small.name, small.classes);

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** @param served what the server has, by default the model as it should be */
async function setting(t: TestContext, answers?: readonly Answer[], served?: Uint8Array) {
  const folder = await temporaryFolder(t);
  const archive = served ?? (await official);
  const server = await serveFile(archive, answers);
  t.after(() => server.close());
  const notes: string[] = [];
  const options = {
    folder,
    baseUrl: server.url,
    backoffMs: 1,
    note: (line: string) => void notes.push(line),
  } satisfies DownloadOptions;
  const path = join(folder, `${small.name}.npz`);
  return { folder, archive, server, notes, options, path };
}

test("a model is fetched from its own path, and not again", async (t) => {
  const { options, path, archive, server, folder, notes } = await setting(t);
  const first = await downloadModel(small, options);
  assert.deepEqual(first, { path, sizeBytes: archive.length, fetched: true });
  assert.deepEqual(new Uint8Array(await readFile(path)), archive);
  assert.deepEqual(await readdir(folder), ["SHA256SUMS", `${small.name}.npz`]);
  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
  assert.equal(sums, `${sha256(archive)}  ${small.name}.npz\n`);
  assert.equal(server.requests[0]!.path, `/${small.path}`);
  assert.equal((await downloadModel(small, options)).fetched, false);
  assert.equal(server.requests.length, 1);
  assert.equal((await downloadModel(small, { ...options, force: true })).fetched, true);
  assert.equal(server.requests.length, 2);
  assert.deepEqual(notes, []);
});

test("a name with a folder in it lies in that folder", async (t) => {
  const { options, folder, archive } = await setting(t);
  const model = { ...small, name: "vtab/Test-R14x0.5-run0-dtd", exact: false };
  const { path } = await downloadModel(model, options);
  assert.equal(path, join(folder, "vtab", "Test-R14x0.5-run0-dtd.npz"));
  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
  assert.equal(sums, `${sha256(archive)}  vtab/Test-R14x0.5-run0-dtd.npz\n`);
});

test("what is fetched and what is checked is told", async (t) => {
  const { options, archive } = await setting(t);
  const told: Record<string, [number, number | undefined][]> = { fetched: [], checked: [] };
  await downloadModel(small, {
    ...options,
    progress: (done, total) => told["fetched"]!.push([done, total]),
    checking: (done, total) => told["checked"]!.push([done, total]),
  });
  for (const steps of Object.values(told))
    assert.deepEqual(steps.at(-1), [archive.length, archive.length]);
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

test("a folder under the model's name is left alone, even with --force", async (t) => {
  const { options, path, server } = await setting(t);
  await mkdir(path);
  for (const force of [false, true])
    await assert.rejects(downloadModel(small, { ...options, force }), /is not a file/);
  assert.equal(server.requests.length, 0);
});

async function packed(t: TestContext, classes: number, name = small.name): Promise<Uint8Array> {
  const path = join(await temporaryFolder(t), "packed.npz");
  await writeZeroArchive(path, name, classes);
  return new Uint8Array(await readFile(path));
}

const unfit: [what: string, served: (t: TestContext) => Promise<Uint8Array>, message: RegExp][] = [
  ["is no archive", async () => new Uint8Array(5000), /what came is not Test-R14x0\.5/],
  ["is cut off on the server", async () => (await official).slice(0, -500), /cut off/],
  ["has another head", (t) => packed(t, 9), /a head of 9 classes instead of 7/],
  ["is another model", (t) => packed(t, 7, "R26x0.5"), /does not fit Test-R14x0\.5/],
  [
    "has one wrong byte",
    async () => withWrongByte(await official),
    /CRC-32 of '.*' does not match/,
  ],
];
for (const [what, served, message] of unfit) {
  test(`what ${what} never gets the model's name`, async (t) => {
    const { options, folder } = await setting(t, undefined, await served(t));
    await assert.rejects(downloadModel(small, options), (error: UserError) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(await readdir(folder), []);
  });
}

/** One value in the middle of the archive is another. */
function withWrongByte(archive: Uint8Array): Uint8Array {
  const wrong = archive.slice();
  wrong[archive.length >> 1]! ^= 1;
  return wrong;
}

test("lengths that are too short make no model; the next try is whole", async (t) => {
  const { options, archive, path } = await setting(t, [{ contentLength: 100_000 }, {}]);
  await assert.rejects(downloadModel(small, options), /what came is not.*cut off/s);
  await downloadModel(small, options);
  assert.deepEqual(new Uint8Array(await readFile(path)), archive);
});

test("a file that changes on the server between two parts is fetched anew", async (t) => {
  const later = await packed(t, small.classes);
  const { options, path, notes } = await setting(t, [
    { cutAfter: 200_000 },
    { file: later, etag: '"two"' },
  ]);
  await downloadModel(small, options);
  assert.deepEqual(new Uint8Array(await readFile(path)), later);
  assert.match(notes[0]!, /trying again/);
});

test("an archive that somebody packed again is the model, with a remark", async (t) => {
  const repacked = await packed(t, small.classes);
  const { options, path, notes } = await setting(t, undefined, repacked);
  await downloadModel(small, options);
  assert.deepEqual(new Uint8Array(await readFile(path)), repacked);
  const remark = new RegExp(`has ${repacked.length} bytes, the official archive .* stays$`);
  assert.match(notes.join(), remark);
  await downloadModel(small, options);
  assert.equal(notes.length, 2);
});

test("where the head is only expected, another one is taken, and its size known", async (t) => {
  const expected = { ...small, exact: false };
  const nine = await setting(t, undefined, await officialArchive(small.name, 9));
  assert.equal((await downloadModel(expected, nine.options)).fetched, true);
  assert.deepEqual(nine.notes, []);
  const repacked = await setting(t, undefined, await packed(t, 9));
  await downloadModel(expected, repacked.options);
  assert.match(repacked.notes.join(), new RegExp(`the official archive ${nine.archive.length};`));
});

test("what is far longer than the model is refused before it fills the disk", async (t) => {
  const answers = [{ withoutLength: true }];
  const { options, folder } = await setting(t, answers, new Uint8Array(30_000_000));
  await assert.rejects(downloadModel(small, options), /bytes or more\n.*at most \d+/);
  assert.deepEqual(await readdir(folder), []);
});

test("another SHA-256 than the recorded one is refused without --force", async (t) => {
  const { options, folder, path, archive } = await setting(t);
  const sums = join(folder, "SHA256SUMS");
  await writeFile(sums, `${"0".repeat(64)}  ${small.name}.npz\n`);
  await assert.rejects(downloadModel(small, options), /0{64}, which SHA256SUMS has for it/);
  assert.deepEqual(await readdir(folder), ["SHA256SUMS"]);
  await downloadModel(small, { ...options, force: true });
  assert.equal(await readFile(sums, "utf8"), `${sha256(archive)}  ${small.name}.npz\n`);
  // And the same one is taken.
  await rm(path);
  await downloadModel(small, options);
});

test("a model that another is downloading is refused; one that is there needs no lock", async (t) => {
  const { options, path, archive, server } = await setting(t);
  const lock = await acquireLock(path, { purpose: "downloading it" });
  await assert.rejects(downloadModel(small, options), FileLocked);
  assert.equal(server.requests.length, 0);
  await writeFile(path, archive);
  assert.equal((await downloadModel(small, options)).fetched, false);
  await lock.release();
});

test("two downloads at once: one fetches, the other is refused", async (t) => {
  const { options, server, folder } = await setting(t, [{ trickleBytes: 300_000 }]);
  const results = await Promise.allSettled([
    downloadModel(small, options),
    downloadModel(small, options),
  ]);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(server.requests.length, 1);
  assert.deepEqual(await readdir(folder), ["SHA256SUMS", `${small.name}.npz`]);
});

test("a download that another process has taken over is left to it", async (t) => {
  const { options, path, folder } = await setting(t);
  const lock = `${path}.lock`;
  const checking = () => {
    const owner = JSON.parse(readFileSync(lock, "utf8"));
    writeFileSync(lock, JSON.stringify({ ...owner, pid: 1, token: "another" }));
  };
  await assert.rejects(downloadModel(small, { ...options, checking }), FileLocked);
  assert.ok(!(await readdir(folder)).includes(`${small.name}.npz`));
});

test("a file has its checksum recorded before it has its name", async (t) => {
  const { options, path, folder, archive } = await setting(t);
  // A folder in the way, made at the last moment, keeps the file from its name.
  const checking = () => mkdirSync(join(path, "in the way"), { recursive: true });
  await assert.rejects(downloadModel(small, { ...options, checking }), /cannot be written/);
  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
  assert.equal(sums, `${sha256(archive)}  ${small.name}.npz\n`);
});

test("a disk without room is found out before anything is fetched", async (t) => {
  const { options, server, folder, archive } = await setting(t);
  const full = { ...options, freeBytesOf: async () => archive.length - 1 };
  await assert.rejects(downloadModel(small, full), /its disk has .* free.*room for/s);
  assert.equal(server.requests.length, 0);
  assert.deepEqual(await readdir(folder), []);
  await downloadModel(small, { ...options, freeBytesOf: async () => archive.length });
  await downloadModel(small, { ...options, force: true, freeBytesOf: async () => undefined });
});
