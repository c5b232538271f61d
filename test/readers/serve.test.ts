/** bit-serve's page in Chromium: what it shows is what the server answers, and other pages are kept out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { dress, post, rowsOf, served } from "../serve/served.js";
import { chromium } from "./chromium.js";

test("the page shows what the server answers, a photo's fault too, and breaks no policy", async (t) => {
  const service = await served(t);
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (line) => {
    if (/Content Security Policy/.test(line.text())) faults.push(line.text());
  });
  await page.goto(service.url);
  await page.setInputFiles("#files", [
    { name: "dress.png", mimeType: "image/png", buffer: Buffer.from(dress) },
    { name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no image") },
  ]);
  const results = page.locator("#photos");
  await results.getByText("cannot be used").waitFor();
  await results.locator(".top .name").nth(4).waitFor();
  const names = await results.locator(".top .name").allTextContents();
  const [row] = rowsOf(await post(service, dress));
  assert.deepEqual(
    names,
    row!.top.map(({ name }) => name),
  );
  assert.deepEqual(faults, []);
  assert.equal(await page.title(), "sample-R14x0.5: photo classifier");
});

test("a page of another origin gets no answer out of the server, and makes it compute nothing", async (t) => {
  const statuses: number[] = [];
  const observer = { answered: ({ status }: { status: number }) => void statuses.push(status) };
  const service = await served(t, { observer });
  const other = createServer((_request, response) => response.end("<p>another page</p>"));
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  t.after(() => other.close());
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://localhost:${(other.address() as AddressInfo).port}/`);
  const tried = await page.evaluate(async (url) => {
    const said: string[] = [];
    for (const path of ["health", "metrics"])
      said.push(await fetch(url + path).then(String, (error) => error.name));
    for (const type of ["image/png", "text/plain"]) {
      const body = new Blob(["x"], { type });
      said.push(await fetch(`${url}predict`, { method: "POST", body }).then(String, (e) => e.name));
      const blind = { method: "POST", body, mode: "no-cors" } as const;
      said.push(
        await fetch(`${url}predict`, blind).then(
          () => "blind",
          (e) => e.name,
        ),
      );
    }
    return said;
  }, service.url);
  assert.ok(
    tried.every((what) => what === "TypeError" || what === "blind"),
    tried.join(),
  );
  // Only what is read was answered, and nobody let the other page hear it.
  assert.deepEqual(
    statuses.filter((status) => status === 200),
    [200, 200],
  );
  assert.ok(statuses.includes(403));
});
