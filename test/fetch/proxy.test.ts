/** Downloads go through the proxy that the environment names, and around it where NO_PROXY says so. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, type TestContext, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { openNetwork } from "../../src/fetch/connection.js";
import { fetchFile } from "../../src/fetch/fetch-file.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { serveFile } from "./file-server.js";
import { forwardProxy } from "./forward-proxy.js";

const file = Uint8Array.from({ length: 50_000 }, (_, i) => (i * 7) % 251);

const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"].flatMap((name) => [
  name,
  name.toLowerCase(),
]);
let before: (string | undefined)[];
beforeEach(() => {
  before = names.map((name) => process.env[name]);
  for (const name of names) delete process.env[name];
});
afterEach(() => {
  names.forEach((name, i) => {
    if (before[i] === undefined) delete process.env[name];
    else process.env[name] = before[i];
  });
});

async function setting(t: TestContext, refusal?: number) {
  const server = await serveFile(file, [{ cutAfter: 20_000 }, {}]);
  t.after(() => server.close());
  const proxy = await forwardProxy(t, refusal);
  const part = join(await temporaryFolder(t), "file.part");
  const get = (url = `${server.url}/file`) => fetchFile(url, part, { backoffMs: 1, attempts: 2 });
  return { server, proxy, part, get };
}

for (const name of ["HTTP_PROXY", "http_proxy"]) {
  test(`${name} is heeded, with what is resumed too`, async (t) => {
    const { server, proxy, part, get } = await setting(t);
    process.env[name] = proxy.url;
    await get();
    assert.deepEqual(new Uint8Array(await readFile(part)), file);
    assert.deepEqual(proxy.requests, Array(2).fill(`GET ${server.url}/file`));
    assert.match(server.requests[1]!.range!, /^bytes=\d+-$/);
  });
}

test("a proxy without http:// before it is one", async (t) => {
  const { proxy, get } = await setting(t);
  process.env["HTTP_PROXY"] = new URL(proxy.url).host;
  await get();
  assert.equal(proxy.requests.length, 2);
});

for (const exception of ["127.0.0.1", "example.org,127.0.0.1", "*"]) {
  test(`NO_PROXY=${exception} goes around it`, async (t) => {
    const { proxy, part, get } = await setting(t);
    process.env["HTTP_PROXY"] = proxy.url;
    process.env["NO_PROXY"] = exception;
    await get();
    assert.deepEqual(new Uint8Array(await readFile(part)), file);
    assert.deepEqual(proxy.requests, []);
  });
}

test("https goes through a tunnel; a proxy that refuses one is told of", async (t) => {
  const { proxy, get } = await setting(t, 407);
  process.env["HTTPS_PROXY"] = proxy.url;
  await assert.rejects(get("https://127.0.0.1:8443/file"), /Proxy response \(407\)/);
  assert.deepEqual(proxy.requests, Array(2).fill("CONNECT 127.0.0.1:8443"));
});

test("what is no proxy's address is the user's mistake", () => {
  for (const wrong of ["ftp://proxy:21", "http://", "http://a b"])
    assert.throws(() => openNetwork({ https_proxy: wrong }), UserError, wrong);
});
