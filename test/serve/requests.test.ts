/** Requests that are refused, each with its status, and what browsers are kept from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, dress, post, raw, served } from "./served.js";

test("health and the page; other addresses, other methods", async (t) => {
  const service = await served(t);
  const health = JSON.parse((await ask(service, "health")).text);
  assert.deepEqual(health, {
    status: "ok",
    model: "sample-R14x0.5",
    classes: 5,
    size: 48,
    precision: health.precision,
    waiting: 0,
  });
  const page = await ask(service, "");
  assert.equal(page.status, 200);
  assert.match(page.headers["content-type"]!, /^text\/html/);
  assert.match(page.text, /"model":"sample-R14x0.5","classes":5,"classNames":\["t-shirt-top",/);
  const head = await ask(service, "", { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(head.text, "");
  assert.equal(head.headers["content-length"], page.headers["content-length"]);
  assert.equal((await ask(service, "nothing")).status, 404);
  assert.equal((await ask(service, "/../../etc/passwd")).status, 404);
  const methods = [
    ["predict", "GET", "POST"],
    ["predict", "OPTIONS", "POST"],
    ["health", "POST", "GET, HEAD"],
    ["", "DELETE", "GET, HEAD"],
  ] as const;
  for (const [path, method, allow] of methods) {
    const answer = await ask(service, path, { method });
    assert.equal(answer.status, 405, `${method} /${path}`);
    assert.equal(answer.headers.allow, allow);
  }
});

test("the page may run its own code alone, and no answer is for other origins", async (t) => {
  const service = await served(t);
  const { headers, text } = await ask(service, "");
  const policy = headers["content-security-policy"] as string;
  assert.match(policy, /^default-src 'none'; script-src 'sha256-/);
  assert.match(policy, /; connect-src 'self';/);
  assert.match(policy, /; frame-ancestors 'none'$/);
  assert.doesNotMatch(policy, /unsafe-inline|https?:/);
  assert.equal(headers["x-frame-options"], "DENY");
  // Code in attributes would not run.
  assert.doesNotMatch(text, /\son\w+="|style="|javascript:/);
  for (const path of ["", "health", "metrics", "predict", "nothing"]) {
    const answer = await ask(service, path);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
    assert.equal(answer.headers["cross-origin-resource-policy"], "same-origin");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
  }
});

test("pages of other origins, and names that were made to lead here, are refused", async (t) => {
  const service = await served(t, { options: { allowHost: ["photos.example.org"] } });
  const own = new URL(service.url).host;
  const origins = [
    [`http://${own}`, 200],
    ["https://photos.example.org", 200],
    ["http://evil.example", 403],
    ["http://127.0.0.1:1", 403],
    ["http://photos.example.org.evil.example", 403],
    ["null", 403],
    ["file://", 403],
  ] as const;
  for (const [origin, status] of origins)
    assert.equal((await post(service, dress, "predict", { origin })).status, status, origin);
  const hosts = [
    [own, 200],
    ["localhost:1234", 200],
    ["LOCALHOST", 200],
    ["any.localhost", 200],
    ["[::1]:80", 200],
    ["192.168.0.7", 200],
    ["photos.example.org", 200],
    ["evil.example", 421],
    ["evil.example:8080", 421],
    ["localhost.evil.example", 421],
    ["127.0.0.1.evil.example", 421],
  ] as const;
  for (const [host, status] of hosts)
    assert.equal((await ask(service, "health", { headers: { host } })).status, status, host);
});

test("in a network any name will do, until names are given", async (t) => {
  const open = await served(t, { options: { host: "0.0.0.0" } });
  const at = { url: `http://127.0.0.1:${open.port}/` };
  const named = (host: string) => ask(at, "health", { headers: { host } });
  assert.equal((await named("photos.example.org")).status, 200);
  const told = await served(t, { options: { host: "0.0.0.0", allowHost: ["a.example"] } });
  const other = { url: `http://127.0.0.1:${told.port}/` };
  const status = async (host: string) => (await ask(other, "health", { headers: { host } })).status;
  assert.equal(await status("a.example"), 200);
  assert.equal(await status("b.example"), 421);
});

test("bodies: none, of another type, packed, no form, a form with other fields", async (t) => {
  const service = await served(t);
  assert.match(
    await raw(service, "POST /predict HTTP/1.1\r\nhost: localhost\r\n"),
    /^HTTP\/1.1 411 /,
  );
  assert.equal((await post(service, new Uint8Array())).status, 400);
  const type = (value: string) => post(service, dress, "predict", { "content-type": value });
  for (const value of ["text/plain", "application/x-www-form-urlencoded", "multipart/mixed"]) {
    const answer = await type(value);
    assert.equal(answer.status, 415, value);
    assert.match(JSON.parse(answer.text).expected, /curl -F/);
  }
  for (const value of ["image/jpeg", "Image/PNG; a=b", "application/octet-stream"])
    assert.equal((await type(value)).status, 200, value);
  const packed = await post(service, dress, "predict", { "content-encoding": "gzip" });
  assert.equal(packed.status, 415);
  for (const value of ["multipart/form-data", "multipart/form-data; boundary=x"]) {
    const answer = await type(value);
    assert.equal(answer.status, 400, value);
    assert.match(JSON.parse(answer.text).error, /a form that cannot be read/);
  }
  const field = new FormData();
  field.append("image", new Blob([dress]), "a.png");
  field.append("top", "3");
  const refused = await fetch(`${service.url}predict`, { method: "POST", body: field });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /a field ..top.. that is no file/);
  const empty = await fetch(`${service.url}predict`, { method: "POST", body: new FormData() });
  assert.equal(empty.status, 400);
});
