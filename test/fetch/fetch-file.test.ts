/** Downloads against a server that breaks off, changes its mind, or sends something else. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { FileFailed, FileRefused } from "../../src/fetch/connection.js";
import { type FetchOptions, fetchFile } from "../../src/fetch/fetch-file.js";
import { retryAfterMs } from "../../src/fetch/retry-after.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { type Answer, serveFile } from "./file-server.js";

const file = Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7) % 251);
const longer = Uint8Array.from({ length: 140_000 }, (_, i) => (i * 7) % 251);
const other = Uint8Array.from({ length: 90_000 }, (_, i) => (i * 11) % 241);

async function setting(t: TestContext, answers: readonly Answer[]) {
  const server = await serveFile(file, answers);
  t.after(() => server.close());
  const part = join(await temporaryFolder(t), "model.npz.part");
  const notes: string[] = [];
  const get = (options: FetchOptions = {}) =>
    fetchFile(`${server.url}/model.npz`, part, {
      backoffMs: 1,
      note: (line) => notes.push(line),
      ...options,
    });
  const fetched = async () => new Uint8Array(await readFile(part));
  return { server, part, notes, get, fetched };
}

test("a whole download, with its progress", async (t) => {
  const { get, fetched, server } = await setting(t, [{}]);
  const seen: [number, number | undefined][] = [];
  await get({ progress: (done, total) => seen.push([done, total]) });
  assert.deepEqual(await fetched(), file);
  assert.deepEqual(seen[0], [0, file.length]);
  assert.deepEqual(seen.at(-1), [file.length, file.length]);
  assert.equal(server.requests.length, 1);
});

test("a connection that breaks is taken up where it ended", async (t) => {
  const answers = [{ cutAfter: 40_000 }, { status: 503 }, { cutAfter: 1_000 }, {}];
  const { get, fetched, server, notes } = await setting(t, answers);
  await get();
  assert.deepEqual(await fetched(), file);
  const [first, second, third, fourth] = server.requests.map(({ range }) => range);
  assert.equal(first, undefined);
  assert.deepEqual([second, third, fourth], ["bytes=40000-", "bytes=40000-", "bytes=41000-"]);
  assert.equal(notes.length, 3);
});

test("a later call goes on with what an earlier one left", async (t) => {
  const { get, fetched, server, part } = await setting(t, [{ cutAfter: 60_000 }, {}]);
  await assert.rejects(get({ attempts: 1 }), (error: UserError) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /goes on where it stopped/);
    return true;
  });
  const left = (await readFile(part)).length;
  assert.ok(left > 0);
  await get();
  assert.deepEqual(await fetched(), file);
  assert.equal(server.requests[1]!.range, `bytes=${left}-`);
  // Whole already: not asked for again.
  await get();
  assert.equal(server.requests.length, 2);
});

for (const [what, second] of [
  ["is range-less", { withoutRanges: true }],
  ["has another file by now", { file: other, etag: '"two"' }],
  ["has another file and ignores If-Range", { file: other, etag: '"two"', ignoreIfRange: true }],
  ["announces another size", { wrongTotal: 99_000, ignoreIfRange: true }],
] as const) {
  test(`a download starts over where the server ${what}`, async (t) => {
    const last: Answer = "wrongTotal" in second ? {} : second;
    const { get, fetched } = await setting(t, [{ cutAfter: 50_000 }, second, last]);
    await get();
    assert.deepEqual(await fetched(), "file" in second ? other : file);
  });
}

test("what has no validator is not resumed", async (t) => {
  const answers = [{ cutAfter: 50_000, withoutValidator: true }, {}];
  const { get, fetched, server } = await setting(t, answers);
  await get();
  assert.deepEqual(await fetched(), file);
  assert.equal(server.requests[1]!.range, undefined);
});

test("a length that is too long never makes a file whole", async (t) => {
  const { get, notes, server } = await setting(t, [{ contentLength: 150_000 }]);
  await assert.rejects(get({ attempts: 2 }), /time after time/);
  assert.match(notes[0]!, /the connection (failed|ended)/);
  assert.equal(server.requests.length, 2);
});

test("a length that is too short ends the file there", async (t) => {
  const { get, fetched } = await setting(t, [{ contentLength: 60_000 }]);
  await get();
  assert.deepEqual(await fetched(), file.subarray(0, 60_000));
});

for (const range of [
  "bytes 0-99999/100000",
  "bytes 60000-99999/100000",
  "bytes 50000-99999/*x",
  "pages 1-2/3",
]) {
  test(`a rest that is announced as ${range} is not added`, async (t) => {
    const { get, fetched, notes } = await setting(t, [
      { cutAfter: 50_000 },
      { contentRange: range },
      {},
    ]);
    await get();
    assert.deepEqual(await fetched(), file);
    assert.match(notes[1]!, /another part of the file/);
  });
}

test("more bytes than the file has are not kept", async (t) => {
  const answers = [{ cutAfter: 50_000 }, { contentLength: 90_000, file: longer }, {}];
  const { get, fetched } = await setting(t, answers);
  await get();
  assert.deepEqual(await fetched(), file);
});

test("a part that the server knows no rest of is begun anew", async (t) => {
  const { get, fetched, server } = await setting(t, [{ cutAfter: 50_000 }, { status: 416 }, {}]);
  await get();
  assert.deepEqual(await fetched(), file);
  assert.equal(server.requests[2]!.range, undefined);
});

test("a wait that the server asks for is kept", async (t) => {
  const { get, fetched, notes } = await setting(t, [
    { status: 429, retryAfter: "1" },
    { status: 503, retryAfter: "0" },
    {},
  ]);
  const startMs = Date.now();
  await get();
  // A timer may fire a millisecond early.
  assert.ok(Date.now() - startMs >= 995);
  assert.deepEqual(await fetched(), file);
  assert.match(notes[0]!, /answered 429.*trying again in 1 s/);
  assert.match(notes[1]!, /answered 503/);
});

test("a server that wants an hour is given up at once", async (t) => {
  const { get, server } = await setting(t, [{ status: 429, retryAfter: "3600" }]);
  await assert.rejects(get(), /asks to wait for 60 minutes/);
  assert.equal(server.requests.length, 1);
});

test("Retry-After is a number of seconds or a date", () => {
  const nowMs = Date.parse("Wed, 21 Oct 2026 07:28:00 GMT");
  assert.equal(retryAfterMs("120", nowMs), 120_000);
  assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:28:30 GMT", nowMs), 30_000);
  assert.equal(retryAfterMs("Wed, 21 Oct 2026 07:00:00 GMT", nowMs), 0);
  assert.equal(retryAfterMs("soon", nowMs), undefined);
  assert.equal(retryAfterMs(undefined, nowMs), undefined);
});

test("a connection that falls silent counts as broken", async (t) => {
  const { get, fetched, notes } = await setting(t, [{ silentAfter: 10_000 }, {}]);
  await get({ stallMs: 100 });
  assert.deepEqual(await fetched(), file);
  assert.match(notes[0]!, /nothing came for/);
});

for (const [what, answer, message] of [
  ["a missing file", { status: 404 }, /there is no such file \(404\)/],
  ["a refusal", { status: 403 }, /answered 403/],
  ["a web page", { contentType: "text/html; charset=utf-8" }, /a web page/],
] as const) {
  test(`${what} ends the download at once and leaves nothing`, async (t) => {
    const { get, server, part } = await setting(t, [answer]);
    await assert.rejects(get(), (error: UserError) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(server.requests.length, 1);
    assert.ok(!existsSync(part) && !existsSync(`${part}.json`));
  });
}

test("a server that always fails is given up, one that is not there too", async (t) => {
  const { get, server, notes } = await setting(t, [{ status: 500 }]);
  await assert.rejects(get({ attempts: 3 }), /answered 500.*time after time/s);
  assert.equal(server.requests.length, 3);
  assert.equal(notes.length, 2);
  await server.close();
  await assert.rejects(get({ attempts: 2 }), /ECONNREFUSED/);
});

test("an abort keeps what was fetched", async (t) => {
  const { get, fetched } = await setting(t, [{ trickleBytes: 5_000 }, {}]);
  const controller = new AbortController();
  const reason = new Error("enough");
  const progress = (done: number) => {
    if (done > 20_000) controller.abort(reason);
  };
  await assert.rejects(get({ signal: controller.signal, progress }), reason);
  const left = (await fetched()).length;
  assert.ok(left > 20_000 && left < file.length, `${left}`);
  await get();
  assert.deepEqual(await fetched(), file);
});

test("a folder that cannot be written is the user's mistake", async (t) => {
  const { part, server } = await setting(t, [{}]);
  await assert.rejects(fetchFile(server.url, join(part, "x", "y.part")), UserError);
  assert.equal(server.requests.length, 0);
});

test("more than there may be is refused, whether or not the server says how long it is", async (t) => {
  for (const withoutLength of [false, true]) {
    const { get, part, server } = await setting(t, [{ withoutLength }]);
    await assert.rejects(get({ mostBytes: file.length - 1 }), (error: UserError) => {
      assert.ok(error instanceof FileRefused);
      assert.match(error.message, /sends \d+ bytes or more\n.*at most 99999/);
      return true;
    });
    assert.equal(server.requests.length, 1);
    assert.ok(!existsSync(part));
    await get({ mostBytes: file.length });
  }
});

test("a server that answers and fails is told from one that is not reached", async (t) => {
  const failing: Answer[] = [{ status: 500 }, { status: 429 }, { silentAfter: 0 }];
  for (const answer of failing) {
    const { get } = await setting(t, [answer]);
    await assert.rejects(get({ attempts: 2, stallMs: 200 }), FileFailed);
  }
  const { get, server } = await setting(t, [{}]);
  await server.close();
  await assert.rejects(get({ attempts: 2 }), (error: UserError) => {
    assert.ok(error instanceof UserError && !(error instanceof FileRefused));
    assert.match(error.message, /the connection failed \(ECONNREFUSED\), time after time/);
    return true;
  });
});

test("a date is gone on by where there is no strong ETag; a weak one alone is none", async (t) => {
  const [monday, tuesday] = ["Mon, 27 Jul 2020 10:00:00 GMT", "Tue, 28 Jul 2020 10:00:00 GMT"];
  const weak = { etag: 'W/"one"' };
  const dated = { ...weak, lastModified: monday };
  const same = await setting(t, [{ ...dated, cutAfter: 40_000 }, dated]);
  await same.get();
  assert.equal(same.server.requests[1]!.range, "bytes=40000-");
  assert.deepEqual(await same.fetched(), file);

  const later = { ...weak, lastModified: tuesday, file: other };
  const changed = await setting(t, [{ ...dated, cutAfter: 40_000 }, later]);
  await changed.get();
  assert.deepEqual(await changed.fetched(), other);

  const only = await setting(t, [{ ...weak, cutAfter: 40_000 }, weak]);
  await only.get();
  assert.equal(only.server.requests[1]!.range, undefined);
  assert.deepEqual(await only.fetched(), file);
});
