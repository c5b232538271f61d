/**
 * Whatever a server does, a download succeeds by another try or ends in one UserError that says what to
 * do; nothing is thrown where nobody can catch it (the test runner fails a file where that happens).
 */
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { UserError } from "../../src/errors.js";
import { FileFailed, FileRefused } from "../../src/fetch/connection.js";
import { type FetchOptions, fetchFile } from "../../src/fetch/fetch-file.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import "./file-server.js";
import { type RawAnswer, rawServer, sends, sendsThenResets } from "./raw-server.js";

// Larger than what the sockets of this machine hold, so that the client stops reading meanwhile.
const file = Buffer.from(
  Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7 + (i >> 9)) % 251),
);
const start = file.subarray(0, 5);
const half = file.subarray(0, 1_500_000);

/** A head with an ETag, and a body's length unless that is among `headers`. */
function head(status: string, ...headers: readonly string[]): string {
  return `HTTP/1.1 ${status}\r\n${['ETag: "one"', ...headers].map((h) => `${h}\r\n`).join("")}\r\n`;
}
const ok = head("200 OK", `Content-Length: ${file.length}`);
const whole = sends(ok, file);

/** The file, or the rest of it that is asked for. */
const honest: RawAnswer = (socket, request) => {
  const start = Number(/range: bytes=(\d+)-/i.exec(request)?.[1] ?? 0);
  const rest = file.subarray(start);
  const range = `Content-Range: bytes ${start}-${file.length - 1}/${file.length}`;
  const lines = [`Content-Length: ${rest.length}`, ...(start > 0 ? [range] : [])];
  return sends(head(start > 0 ? "206 Partial Content" : "200 OK", ...lines), rest)(socket, request);
};

async function setting(t: TestContext, answers: readonly RawAnswer[]) {
  const server = await rawServer(t, answers);
  const part = join(await temporaryFolder(t), "model.npz.part");
  const notes: string[] = [];
  const get = (options: FetchOptions & { readonly path?: string } = {}) =>
    fetchFile(`${server.url}${options.path ?? "/model.npz"}`, part, {
      backoffMs: 1,
      attempts: 3,
      stallMs: 2000,
      note: (line) => notes.push(line),
      ...options,
    });
  return { server, part, notes, get };
}

const closed = head("200 OK", `Content-Length: ${file.length}`, "Connection: close");
const passing: Record<string, readonly RawAnswer[]> = {
  "a server that closes after each file, while the disk is slow": [sends(closed, file)],
  "an end of the connection as the end of the file": [sends(head("200 OK"), file)],
  "HTTP/1.0": [sends("HTTP/1.0 200 OK\r\n\r\n", file)],
  "HTTP/1.0 with a length": [
    sends(`HTTP/1.0 200 OK\r\nContent-Length: ${file.length}\r\n\r\n`, file),
  ],
  "one byte a packet in the head": [
    async (socket) => {
      socket.setNoDelay(true);
      for (const byte of ok) socket.write(byte);
      socket.end(file);
    },
  ],
  "a 100 and a 103 before the answer": [
    sends(
      "HTTP/1.1 100 Continue\r\n\r\n",
      "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n",
      ok,
      file,
    ),
  ],
  "more bytes than the length says": [sends(ok, file, "and more of them ".repeat(5000))],
  "a second answer that nobody asked for": [sends(ok, file, ok, file)],
  "a reset in the midst of the body": [sendsThenResets(ok, half), honest],
  "a reset right after the head": [sendsThenResets(ok), honest],
  "an end in the midst of the body": [sends(ok, half), honest],
  "an end in the midst of the head": [sends("HTTP/1.1 200 OK\r\nContent-Le"), honest],
  "a close without an answer": [(socket) => void socket.end(), honest],
  "a reset without an answer": [(socket) => void socket.resetAndDestroy(), honest],
  "no answer, and none later": [() => undefined, honest],
  "chunks that break off": [
    sends(head("200 OK", "Transfer-Encoding: chunked"), "5\r\n", start, "\r\n"),
    honest,
  ],
  "chunks without a size": [
    sends(head("200 OK", "Transfer-Encoding: chunked"), "5\r\n", start, "\r\nZZ\r\nworld\r\n"),
    honest,
  ],
  "what is no HTTP": [sends("SSH-2.0-OpenSSH_9.2p1\r\n"), honest],
  "a header with a control character": [
    sends("HTTP/1.1 200 OK\r\nETag: a\u0001b\r\nContent-Length: 1\r\n\r\nx"),
    honest,
  ],
  "a header without a colon": [sends("HTTP/1.1 200 OK\r\nno colon\r\n\r\nx"), honest],
  "two lengths": [sends(head("200 OK", "Content-Length: 3", "Content-Length: 4"), "abc"), honest],
  "a length that is no number": [sends(head("200 OK", "Content-Length: many"), "abc"), honest],
  "headers without end": [sends("HTTP/1.1 200 OK\r\n", `X: ${"y".repeat(200_000)}\r\n`), honest],
  "an upgrade that nobody asked for": [
    sends("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"),
    honest,
  ],
  "a range of several parts": [
    sends(ok, half),
    sends(head("206 Partial Content", "Content-Type: multipart/byteranges; boundary=x"), "--x"),
    honest,
  ],
  "200 to a range, over and over": [sends(ok, half), sends(ok, half), whole],
  "a date to wait for that cannot be read": [
    sends(head("429 Too Many Requests", "Retry-After: soon", "Content-Length: 0")),
    honest,
  ],
  "425, 502 and 507": [
    sends(head("502 Bad Gateway", "Content-Length: 0")),
    sends(head("507 Insufficient Storage", "Content-Length: 0")),
    honest,
  ],
  "gzip though it was not asked for": [
    sends(head("200 OK", "Content-Encoding: gzip"), gzipSync(file)),
  ],
  deflate: [sends(head("200 OK", "Content-Encoding: deflate"), deflateSync(file))],
  br: [sends(head("200 OK", "Content-Encoding: br"), brotliCompressSync(file.subarray(0, 9)), "")],
  "a coding that is none": [
    sends(head("200 OK", "Content-Encoding: aws-chunked", `Content-Length: ${file.length}`), file),
  ],
  "gzip that breaks off": [
    sends(head("200 OK", "Content-Encoding: gzip"), gzipSync(file).subarray(0, 5000)),
    honest,
  ],
  "gzip that is none": [sends(head("200 OK", "Content-Encoding: gzip"), "not packed"), honest],
  "a redirect": [sends(head("302 Found", "Location: /elsewhere", "Content-Length: 0")), honest],
  "a redirect whose body has no end": [
    (socket) => void socket.write(head("307 Temporary Redirect", "Location: ?x=1")),
    honest,
  ],
};

for (const [what, answers] of Object.entries(passing)) {
  test(`comes nevertheless: ${what}`, async (t) => {
    const { get, part } = await setting(t, answers);
    // What the disk takes slowly makes the client stop reading, and the server's end come meanwhile.
    const slow = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    await get({ progress: slow, stallMs: 500 });
    const expected = what === "br" ? file.subarray(0, 9) : file;
    assert.ok(expected.equals(await readFile(part)));
  });
}

const failing: Record<string, readonly [RawAnswer, typeof UserError, RegExp]> = {
  "a reset each time": [(s) => void s.resetAndDestroy(), FileFailed, /ECONNRESET.*time after time/],
  "a close each time": [(s) => void s.end(), FileFailed, /socket hang up|ECONNRESET/],
  "no HTTP": [sends("SSH-2.0-OpenSSH_9.2p1\r\n"), FileFailed, /Parse Error/],
  "headers without end": [
    sends("HTTP/1.1 200 OK\r\n", `X: ${"y".repeat(200_000)}\r\n`),
    FileFailed,
    /Header overflow/i,
  ],
  "a length that is too long": [
    sends(head("200 OK", "Content-Length: 5000000", "Cache: no"), half),
    FileFailed,
    /connection (failed|ended)/,
  ],
  "a circle of redirects": [
    sends(head("302 Found", "Location: /model.npz", "Content-Length: 0")),
    FileRefused,
    /sends on without end/,
  ],
  "a redirect to another protocol": [
    sends(head("302 Found", "Location: ftp://example.org/x", "Content-Length: 0")),
    FileRefused,
    /sends on to ftp:\/\/example.org\/x/,
  ],
  "a redirect to what is no address": [
    sends(head("301 Moved", "Location: http://[x", "Content-Length: 0")),
    FileRefused,
    /sends on to http:\/\/\[x/,
  ],
  "a redirect without an address": [
    sends(head("302 Found", "Content-Length: 0")),
    FileRefused,
    /answered 302 Found/,
  ],
  "a range that was not asked for": [
    sends(head("206 Partial Content", "Content-Range: bytes 0-2/9", "Content-Length: 3"), "abc"),
    FileRefused,
    /answered 206/,
  ],
  "401": [
    sends(head("401 Unauthorized", "Content-Length: 0")),
    FileRefused,
    /a name and a password/,
  ],
  "403": [sends(head("403 Forbidden", "Content-Length: 0")), FileRefused, /answered 403 Forbidden/],
  "410": [sends(head("410 Gone", "Content-Length: 0")), FileRefused, /no such file \(410\)/],
  "a status that there is not": [
    sends(head("999 ", "Content-Length: 0")),
    FileFailed,
    /answered 999/,
  ],
  "a wait of a day": [
    sends(head("503 Busy", "Retry-After: 86400", "Content-Length: 0")),
    FileFailed,
    /wait for 1440 minutes/,
  ],
  "gzip that is none, each time": [
    sends(head("200 OK", "Content-Encoding: gzip"), "not packed"),
    FileFailed,
    /incorrect header check/,
  ],
};

for (const [what, [answer, Kind, message]] of Object.entries(failing)) {
  test(`ends in one error: ${what}`, async (t) => {
    const { get } = await setting(t, [answer]);
    await assert.rejects(get(), (error: UserError) => {
      assert.ok(error instanceof Kind, `${error}`);
      assert.match(error.message.replaceAll("\n", " "), message);
      assert.match(error.message, /\n {2}next: \S/);
      return true;
    });
  });
}

test("what is kept is told, and gone on with", async (t) => {
  const { get, part } = await setting(t, [sends(ok, half), sends("nonsense"), honest]);
  let told = 0;
  for (const _ of [1, 2])
    await assert.rejects(get({ attempts: 1 }), (error: UserError) => {
      told = Number(/(\d+) bytes are kept.*goes on where it stopped/.exec(error.nextStep)?.[1]);
      return true;
    });
  assert.ok(told > 0);
  assert.equal((await stat(part)).size, told);
  await get();
  assert.ok(file.equals(await readFile(part)));
});

test("what cannot be gone on with is not said to be kept", async (t) => {
  const { get } = await setting(t, [sends("HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\n", "abc")]);
  await assert.rejects(get({ attempts: 1 }), (error: UserError) => {
    assert.doesNotMatch(error.nextStep, /kept|goes on/);
    assert.match(error.nextStep, /type the same command again/);
    return true;
  });
});

test("a packed answer is not gone on with: its parts are none of the file's", async (t) => {
  const packed = gzipSync(file, { level: 0 });
  const broken = sendsThenResets(
    head("200 OK", "Content-Encoding: gzip"),
    packed.subarray(0, 1_000_000),
  );
  const { get, part, server } = await setting(t, [broken, honest]);
  await get();
  assert.doesNotMatch(server.heads[1]!, /range:/i);
  assert.ok(file.equals(await readFile(part)));
});

test("an archive's own packing is not undone, whatever the server calls it", async (t) => {
  const archive = gzipSync(file);
  const named = head("200 OK", "Content-Encoding: x-gzip", `Content-Length: ${archive.length}`);
  const { get, part } = await setting(t, [sends(named, archive)]);
  await get({ path: "/cifar-10-binary.tar.gz" });
  assert.ok(archive.equals(await readFile(part)));
});

test("a record that somebody has spoilt is not sent on", async (t) => {
  const { get, part, server } = await setting(t, [honest]);
  await writeFile(part, half);
  const record = { url: `${server.url}/model.npz`, validator: "a\nb", sizeBytes: file.length };
  await writeFile(`${part}.json`, JSON.stringify(record));
  await get();
  assert.ok(file.equals(await readFile(part)));
});

test("a name and a password in the address are sent, and shown nowhere", async (t) => {
  const { part, server } = await setting(t, [sends(ok, half)]);
  const url = `http://me:secret@127.0.0.1:${server.port}/x`;
  await assert.rejects(fetchFile(url, part, { attempts: 1 }), (error: UserError) => {
    assert.doesNotMatch(error.message, /secret/);
    return true;
  });
  assert.match(server.heads[0]!, /authorization: Basic bWU6c2VjcmV0/i);
  assert.doesNotMatch(await readFile(`${part}.json`, "utf8"), /secret/);
});

test("a name that there is not: no server is reached", async (t) => {
  const { part } = await setting(t, [honest]);
  const get = fetchFile("http://no-such-host.invalid/x", part, { attempts: 2, backoffMs: 1 });
  await assert.rejects(get, (error: UserError) => {
    assert.ok(error instanceof UserError && !(error instanceof FileRefused));
    assert.match(error.message, /ENOTFOUND|EAI_AGAIN/);
    return true;
  });
});

test("TLS: a certificate of nobody's, no TLS, and TLS where none is asked for", async (t) => {
  const key = await readFile(fixturePath("tls/key.pem"));
  const cert = await readFile(fixturePath("tls/certificate.pem"));
  const secure = await rawServer(t, [honest], (on) => createTlsServer({ key, cert }, on));
  const plain = await rawServer(t, [honest]);
  const part = join(await temporaryFolder(t), "x.part");
  const get = (url: string) => fetchFile(url, part, { attempts: 2, backoffMs: 1, stallMs: 2000 });
  await assert.rejects(get(`https://127.0.0.1:${secure.port}/x`), (error: UserError) => {
    assert.ok(error instanceof UserError);
    assert.match(
      error.message,
      /certificate: cannot be trusted.*self.signed.*NODE_EXTRA_CA_CERTS/s,
    );
    return true;
  });
  await assert.rejects(get(`https://127.0.0.1:${plain.port}/x`), FileFailed);
  await assert.rejects(get(`http://127.0.0.1:${secure.port}/x`), FileFailed);
});
