/** Downloads go through the proxy that the environment names, and around it where NO_PROXY says so. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, type TestContext, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { UserError } from "../../src/errors.js";
import { FileRefused } from "../../src/fetch/connection.js";
import { fetchFile } from "../../src/fetch/fetch-file.js";
import { openNetwork } from "../../src/fetch/proxy.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { serveFile } from "./file-server.js";
import { forwardProxy } from "./forward-proxy.js";
import { rawServer, sends } from "./raw-server.js";

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

async function setting(t: TestContext, refusal?: number | string) {
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

for (const [refusal, message, tries] of [
  [407, /the proxy 127.0.0.1:\d+: .*407.*asks for a name and a password.*NAME:PASSWORD@127/s, 1],
  [403, /the proxy 127.0.0.1:\d+: .*403 Refused: it does not let this through/, 1],
  [503, /the proxy answered 503 Refused.*time after time/, 2],
  ["", /Proxy connection ended|ECONNRESET/, 2],
  ["SSH-2.0-OpenSSH_9.2p1\r\n\r\n", /proxy/i, 2],
  ["HTTP/1.1 200 OK\r\nno colon\r\n\r\n", /Invalid header from proxy/, 2],
  ["HTTP/1.1 200 OK\r\n\r\nno TLS", /connection through the proxy .* failed/, 2],
  ["silence", /nothing came for 0.2 s/, 2],
] as const) {
  const said = JSON.stringify(refusal);
  test(`https goes through a tunnel; a proxy that answers ${said} is told of`, async (t) => {
    const { proxy, part } = await setting(t, refusal);
    process.env["HTTPS_PROXY"] = proxy.url;
    const options = { backoffMs: 1, attempts: 2, stallMs: 200 };
    const get = fetchFile("https://127.0.0.1:8443/file", part, options);
    await assert.rejects(get, (error: UserError) => {
      assert.ok(error instanceof UserError, `${error}`);
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(proxy.requests, Array(tries).fill("CONNECT 127.0.0.1:8443"));
  });
}

test("a proxy that asks for a login for http too; its name and password go to it", async (t) => {
  const { proxy, get } = await setting(t, 407);
  process.env["HTTP_PROXY"] = proxy.url;
  await assert.rejects(get(), /answered 407 .*: it asks for a name and a password/);
  assert.equal(proxy.requests.length, 1);
});

test("a proxy that is not there", async (t) => {
  const { get } = await setting(t);
  process.env["HTTP_PROXY"] = "http://127.0.0.1:9";
  await assert.rejects(get(), (error: UserError) => {
    assert.ok(error instanceof UserError && !(error instanceof FileRefused));
    assert.match(error.message, /the connection to the proxy 127.0.0.1:9 failed \(ECONNREFUSED\)/);
    return true;
  });
});

test("https through a proxy, by a certificate that NODE_EXTRA_CA_CERTS names", async (t) => {
  const key = await readFile(fixturePath("tls/key.pem"));
  const cert = await readFile(fixturePath("tls/certificate.pem"));
  const server = await rawServer(
    t,
    [sends(`HTTP/1.1 200 OK\r\nContent-Length: ${file.length}\r\n\r\n`, file)],
    (onSocket) => createTlsServer({ key, cert }, onSocket),
  );
  const proxy = await forwardProxy(t);
  const part = join(await temporaryFolder(t), "file.part");
  const module = new URL("../../src/fetch/fetch-file.js", import.meta.url).href;
  const url = `https://127.0.0.1:${server.port}/x`;
  const script = `import { fetchFile } from ${JSON.stringify(module)};
    await fetchFile(${JSON.stringify(url)}, ${JSON.stringify(part)}, { attempts: 1 });`;
  const env = {
    PATH: process.env["PATH"],
    https_proxy: proxy.url,
    NODE_EXTRA_CA_CERTS: fixturePath("tls/certificate.pem"),
  };
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env });
  assert.deepEqual(new Uint8Array(await readFile(part)), file);
  assert.deepEqual(proxy.requests, [`CONNECT 127.0.0.1:${server.port}`]);
});

test("NO_PROXY: hosts and all below them, ports, addresses and ranges of them", () => {
  const through = (url: string, no_proxy: string) =>
    openNetwork({ http_proxy: "http://p:1", no_proxy })(new URL(url)) !== undefined;
  for (const [url, exceptions] of [
    ["http://example.org/", "example.org"],
    ["http://www.Example.org/", "example.ORG"],
    ["http://www.example.org/", ".example.org"],
    ["http://www.example.org/", "a.b *.example.org"],
    ["http://example.org:8080/", "example.org:8080"],
    ["http://example.org/", "example.org:80"],
    ["https://example.org/", "example.org:443"],
    ["http://10.1.2.3/", "192.168.0.0/16, 10.0.0.0/8"],
    ["http://[::1]:8080/", "::1"],
    ["http://[::1]:8080/", "[::1]:8080"],
    ["http://[fd00::7]/", "fd00::/8"],
  ] as const)
    assert.ok(!through(url, exceptions), `${url} ${exceptions}`);
  for (const [url, exceptions] of [
    ["http://example.org/", ""],
    ["http://notexample.org/", "example.org"],
    ["http://example.org/", "www.example.org"],
    ["http://example.org:8081/", "example.org:8080"],
    ["http://11.1.2.3/", "10.0.0.0/8 10.0.0.0/99"],
    ["http://[fe80::7]/", "fd00::/8"],
  ] as const)
    assert.ok(through(url, exceptions), `${url} ${exceptions}`);
});

test("the proxy is the scheme's own; https falls back on HTTP_PROXY, and SOCKS is one too", () => {
  const env = { HTTP_PROXY: "a:1", https_proxy: "socks5h://b:2" };
  assert.equal(openNetwork(env)(new URL("http://x/"))?.href, "http://a:1/");
  assert.equal(openNetwork(env)(new URL("https://x/"))?.href, "socks5h://b:2");
  assert.equal(openNetwork({ HTTP_PROXY: "a:1" })(new URL("https://x/"))?.href, "http://a:1/");
  assert.equal(openNetwork({ HTTPS_PROXY: "a:1" })(new URL("http://x/")), undefined);
});

test("what is no proxy's address is the user's mistake", () => {
  for (const wrong of ["ftp://proxy:21", "http://", "http://a b"])
    assert.throws(() => openNetwork({ https_proxy: wrong }), UserError, wrong);
});
