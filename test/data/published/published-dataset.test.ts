import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  findOrFetch,
  type PublishedDataset,
} from "../../../src/data/published/published-dataset.js";
import { serveData } from "../data-server.js";
import { md5, sumsOf, tarGzOf, zipOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const ARCHIVE = await tarGzOf({
  "images/1.jpg": "one",
  "images/noise": Buffer.alloc(100_000, "x"),
});
const FILES = { "images.tar.gz": ARCHIVE, "labels.mat": "labels" };

/** A dataset of an archive and a file, published at an address. */
function dataset(url: string): PublishedDataset {
  return {
    name: "things",
    places: ["home", "."],
    parts: [
      {
        url: `${url}/images.tar.gz`,
        md5: md5(ARCHIVE),
        sizeBytes: ARCHIVE.length,
        unpacked: "images",
      },
      { url: `${url}/labels.mat`, md5: md5("labels"), sizeBytes: 6 },
    ],
  };
}

test("what is missing is fetched, proven, unpacked and cleared away, once", async (t) => {
  const server = await serveData(t, FILES);
  const datadir = join(await temporaryFolder(t), "new");
  const progress: string[] = [];
  const notes: string[] = [];
  const request = {
    fetchProgress: (label: string, done: number, total?: number) => {
      progress.push(`${label} ${done}/${total}`);
    },
    note: (line: string) => notes.push(line),
  };
  const home = await findOrFetch(dataset(server.url), datadir, request);
  assert.equal(home, join(datadir, "home"));
  assert.deepEqual((await readdir(home)).sort(), ["images", "labels.mat"]);
  assert.equal(await readFile(join(home, "images", "1.jpg"), "utf8"), "one");
  assert.ok(progress.includes(`images.tar.gz ${ARCHIVE.length}/${ARCHIVE.length}`), `${progress}`);
  assert.equal(notes.length, 3);
  assert.match(notes[0]!, /^fetching http:.*images\.tar\.gz \(\d+ bytes\) into \/.*home$/);
  assert.match(notes[1]!, /^unpacking .*images\.tar\.gz$/);

  await findOrFetch(dataset(server.url), datadir, {});
  assert.deepEqual(server.requests, ["GET /images.tar.gz", "GET /labels.mat"]);
});

test("a cut connection is gone on with", async (t) => {
  const server = await serveData(t, { ...FILES, "images.tar.gz": ARCHIVE }, 100);
  const home = await findOrFetch(dataset(server.url), await temporaryFolder(t), {});
  assert.deepEqual((await readdir(home)).sort(), ["images", "labels.mat"]);
  assert.deepEqual(server.requests.slice(0, 2), [
    "GET /images.tar.gz",
    "GET /images.tar.gz from 100",
  ]);
});

test("an archive that lies there is unpacked and kept; a whole dataset elsewhere is taken", async (t) => {
  const server = await serveData(t, { "labels.mat": "labels" });
  const datadir = await temporaryFolder(t);
  await writeTree(datadir, { "home/images.tar.gz": ARCHIVE });
  const home = await findOrFetch(dataset(server.url), datadir, {});
  assert.deepEqual((await readdir(home)).sort(), ["images", "images.tar.gz", "labels.mat"]);

  const other = await temporaryFolder(t);
  await writeTree(other, { "images/1.jpg": "", "labels.mat": "" });
  assert.equal(await findOrFetch(dataset(server.url), other, { offline: true }), join(other, "."));
  assert.deepEqual(server.requests, ["GET /labels.mat"]);
});

test("files in the data folder itself are used, and stay", async (t) => {
  const server = await serveData(t, {});
  const datadir = await temporaryFolder(t);
  await writeTree(datadir, { "images.tar.gz": ARCHIVE, "labels.mat": "labels" });
  const home = await findOrFetch(dataset(server.url), datadir, { offline: true });
  assert.equal(home, join(datadir, "home"));
  assert.deepEqual((await readdir(home)).sort(), ["images", "labels.mat"]);
  assert.equal(await readFile(join(home, "labels.mat"), "utf8"), "labels");
  assert.deepEqual((await readdir(datadir)).sort(), ["home", "images.tar.gz", "labels.mat"]);
  assert.deepEqual(server.requests, []);
});

test("another file than was published is refused and removed", async (t) => {
  const server = await serveData(t, { ...FILES, "labels.mat": "changed" });
  const datadir = await temporaryFolder(t);
  await assert.rejects(findOrFetch(dataset(server.url), datadir, {}), {
    name: "UserError",
    message: new RegExp(
      `labels\\.mat: .*MD5 sum ${md5("changed")}; it was removed\\n.*${md5("labels")}, as published`,
    ),
  });
  assert.deepEqual(await readdir(join(datadir, "home")), ["images"]);
});

test("offline, what is missing is named with its address, size and sum", async (t) => {
  const server = await serveData(t, FILES);
  const datadir = await temporaryFolder(t);
  const finding = () => findOrFetch(dataset(server.url), datadir, { offline: true });
  await assert.rejects(finding(), (error: Error) => {
    assert.equal(error.name, "UserError");
    assert.match(error.message, /no things there, and nothing is fetched with --offline/);
    assert.match(error.message, /images, labels\.mat in one of .*home, /);
    assert.ok(error.message.includes(`${server.url}/labels.mat (6 bytes, MD5 ${md5("labels")})`));
    assert.ok(error.message.includes(`${server.url}/images.tar.gz (`));
    return true;
  });
  assert.deepEqual(await readdir(datadir), []);
  await writeTree(datadir, { "home/images.tar.gz": ARCHIVE });
  await assert.rejects(finding(), (error: Error) => !error.message.includes("/images.tar.gz ("));
  // With all that is needed there it is unpacked offline too.
  await writeFile(join(datadir, "home", "labels.mat"), "labels");
  assert.equal(await finding(), join(datadir, "home"));
  assert.deepEqual(server.requests, []);
});

test("a mirror has the files by their names, and the publisher's sums hold", async (t) => {
  const mirror = await serveData(t, FILES);
  const published = dataset("http://127.0.0.1:1/never/asked");
  const notes: string[] = [];
  const note = (line: string) => notes.push(line);
  await findOrFetch(published, await temporaryFolder(t), { dataUrl: `${mirror.url}/`, note });
  assert.deepEqual(mirror.requests, ["GET /images.tar.gz", "GET /labels.mat"]);
  assert.ok(!notes.some((line) => line.includes("MD5SUMS")));
  const changed = await serveData(t, { ...FILES, "labels.mat": "changed" });
  await assert.rejects(
    findOrFetch(published, await temporaryFolder(t), { dataUrl: changed.url }),
    /labels\.mat: what came has the MD5 sum/,
  );
  await assert.rejects(
    findOrFetch(published, await temporaryFolder(t), { dataUrl: "somewhere" }),
    /somewhere: is no address.*\n.*\n.*BIT_DATA_URL/,
  );
});

test("a mirror's own MD5SUMS stands above the publisher's sums where it is trusted", async (t) => {
  const published = dataset("http://127.0.0.1:1");
  const own = { "labels.mat": "changed", "images.tar.gz": await zipOf({ "images/1.jpg": "1" }) };
  const mirror = await serveData(t, { ...own, MD5SUMS: `# ours\n${sumsOf(own)}` });
  await assert.rejects(
    findOrFetch(published, await temporaryFolder(t), { dataUrl: mirror.url }),
    /what came has the MD5 sum .*\n.*, as published\n.*--trust_mirror/,
  );
  const notes: string[] = [];
  const home = await findOrFetch(published, await temporaryFolder(t), {
    dataUrl: mirror.url,
    trustMirror: true,
    note: (line) => notes.push(line),
  });
  assert.equal(await readFile(join(home, "labels.mat"), "utf8"), "changed");
  assert.deepEqual((await readdir(home)).sort(), ["images", "labels.mat"]);
  assert.ok(
    notes.includes("labels.mat is proven by the mirror's MD5SUMS, not by its publisher's sum"),
  );

  const lying = await serveData(t, { ...FILES, MD5SUMS: sumsOf(own) });
  await assert.rejects(
    findOrFetch(published, await temporaryFolder(t), { dataUrl: lying.url, trustMirror: true }),
    /expected: [0-9a-f]{32}, as the mirror's MD5SUMS says/,
  );
});

test("fetching stops when it is told to, and goes on later", async (t) => {
  const server = await serveData(t, FILES);
  const datadir = await temporaryFolder(t);
  const controller = new AbortController();
  const fetchProgress = (_: string, done: number) => {
    if (done > 0) controller.abort(new Error("enough"));
  };
  const { signal } = controller;
  await assert.rejects(
    findOrFetch(dataset(server.url), datadir, { signal, fetchProgress }),
    /enough/,
  );
  await findOrFetch(dataset(server.url), datadir, {});
  assert.deepEqual((await readdir(join(datadir, "home"))).sort(), ["images", "labels.mat"]);
});

test("of two that bring the same dataset at once one is sent away", async (t) => {
  const server = await serveData(t, FILES);
  const datadir = await temporaryFolder(t);
  const both = [1, 2].map(() => findOrFetch(dataset(server.url), datadir, {}));
  const ends = await Promise.allSettled(both);
  const refused = ends.filter((end) => end.status === "rejected");
  assert.equal(refused.length, 1);
  assert.match(String(refused[0]!.reason), /UserError: .*things.*bringing things there/);
  assert.deepEqual((await readdir(join(datadir, "home"))).sort(), ["images", "labels.mat"]);
});
