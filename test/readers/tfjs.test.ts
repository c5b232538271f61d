/** Exports for TF.js in a browser, by the bundle that pages include, on WebGL as well. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { largestDifference, readGolden } from "../../src/export/golden.js";
import { repositoryRoot } from "../fixture-path.js";
import { chromium } from "./chromium.js";
import { exported } from "./exported.js";

const bundle = join(repositoryRoot, "node_modules", "@tensorflow", "tfjs", "dist", "tf.min.js");

/** Run in the page: logits of the golden images, and of an image of odd size. */
const computing = `async ([backend, files]) => {
  const isSet = await tf.setBackend(backend);
  const model = await tf.loadGraphModel("/model.json");
  const pixels = await Promise.all(files.map(async (file) => {
    const blob = await (await fetch(file)).blob();
    const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
    return tf.browser.fromPixels(bitmap).toFloat().sub(127.5).div(127.5);
  }));
  const logits = Array.from(await model.predict(tf.stack(pixels)).data());
  const odd = Array.from(await model.predict(tf.ones([3, 37, 90, 3])).data());
  return { backend: isSet && tf.getBackend(), logits, odd };
}`;

interface Computed {
  readonly backend: string | false;
  readonly logits: readonly number[];
  readonly odd: readonly number[];
}

test("a browser computes the same on the backends webgl and cpu", async (t) => {
  const folder = await exported("tfjs");
  const golden = await readGolden(folder);
  const server = createServer((request, response) => {
    const path = request.url === "/tf.js" ? bundle : join(folder, request.url!);
    if (request.url === "/") {
      response.setHeader("content-type", "text/html");
      response.end('<!doctype html><script src="/tf.js"></script>');
      return;
    }
    readFile(path).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const browser = await chromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const files = JSON.stringify(golden.images.map(({ file }) => file));
  const expected = golden.images.flatMap(({ logits }) => logits);
  const odd: Float32Array[] = [];
  for (const backend of ["webgl", "cpu"]) {
    const made: Computed = await page.evaluate(`(${computing})(["${backend}", ${files}])`);
    assert.equal(made.backend, backend);
    const difference = largestDifference(Float32Array.from(made.logits), expected, golden.classes);
    t.diagnostic(`${backend}: ${difference}`);
    assert.ok(difference <= 1e-4, `${backend}: ${difference}`);
    odd.push(Float32Array.from(made.odd));
  }
  assert.ok(largestDifference(odd[0]!, odd[1]!, golden.classes) <= 1e-4);
});
