/** The page in Chromium, from the disk: its answers are bit-predict's, and it sends nothing. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { parse } from "csv-parse/sync";
import type { Browser } from "playwright-core";
import { readNpy } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { largestDifference } from "../../src/export/golden.js";
import { serverPage } from "../../src/export/page/server-page.js";
import { headBias } from "../../src/model/architecture.js";
import { topProbabilities } from "../../src/run/probabilities.js";
import { fixturePath, repositoryRoot } from "../fixture-path.js";
import { chromium } from "./chromium.js";
import { exported, program } from "./exported.js";
import { classify, openExportedPage, untilReady } from "./opened-page.js";
import { photos } from "./photos.js";

let browser: Browser;
let folder: string;
before(async () => {
  browser = await chromium();
  folder = await mkdtemp(join(tmpdir(), "bit-train-pages-"));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

const photoCount = 40;
const sampleImage = join(repositoryRoot, "sample", "images", "val", "dress", "000.png");

/** Files of every kind that bit-predict reads, and of ways to tell how they are turned. */
async function variants(): Promise<string[]> {
  const folders = [fixturePath("data", "images"), fixturePath("variants")];
  const files = await Promise.all(
    folders.map(async (one) => (await readdir(one)).sort().map((name) => join(one, name))),
  );
  return files.flat().filter((path) => !path.endsWith(".json"));
}

async function onlyFile(of: string, ending: string): Promise<string> {
  const [name] = (await readdir(of)).filter((file) => file.endsWith(ending));
  return join(of, name!);
}

for (const resize of ["pillow", "tf"])
  test(`photos' logits are bit-predict's on the float16 weights, resize ${resize}`, async () => {
    const paths = [...(await photos()), ...(await variants())];
    const flags = ["--resize", resize];
    const archive = await onlyFile(await exported("npz", ["--f16", ...flags]), ".npz");
    const file = join(folder, `${resize}.npy`);
    const model = ["--weights", archive, "--precision", "fp32", "--logits", file];
    await program("bit-predict", [...paths, ...model]);
    const { shape, data } = await readNpy(file);
    const classes = shape[1]!;

    const { page, requests, complaints } = await openExportedPage(
      browser,
      await exported("page", flags),
    );
    await untilReady(page);
    let worst = 0;
    let done = 0;
    // Files of one name would be told apart by nothing.
    for (const some of [paths.slice(0, photoCount), paths.slice(photoCount)]) {
      const told = await classify(page, some);
      for (const path of some) {
        const expected = (data as Float32Array).subarray(done * classes, ++done * classes);
        const { logits, top } = told.get(basename(path))!;
        const got = Float32Array.from(logits);
        worst = Math.max(worst, largestDifference(got, expected, classes));
        const order = (values: Float32Array) => topProbabilities(values, 5).map((one) => one.class);
        assert.deepEqual(order(got), order(expected), path);
        assert.equal(top.length, Math.min(5, classes));
      }
      await page.evaluate("told = {}; document.querySelector('#clear').click()");
    }
    assert.ok(worst <= 1e-4, `${worst} of the logits' spread`);
    assert.deepEqual(requests, []);
    assert.deepEqual(complaints, []);
    await page.close();
  });

test("a photo's heat maps add up to its logits, and show where one asks for them", async () => {
  const { page } = await openExportedPage(browser, await exported("page"));
  await untilReady(page);
  const told = await classify(page, [sampleImage]);
  const { logits, heat, top } = told.get("000.png")!;
  const archive = await NpzReader.open(await onlyFile(await exported("npz", ["--f16"]), ".npz"));
  const { data } = await archive.read(headBias);
  await archive.close();
  const best = topProbabilities(Float32Array.from(logits), 5);
  assert.equal(heat.maps.length, top.length);
  for (const [place, map] of heat.maps.entries()) {
    assert.equal(map.length, heat.height * heat.width);
    const mean = map.reduce((sum, value) => sum + value, 0) / map.length;
    const index = best[place]!.class;
    const off = Math.abs(mean + Number(data[index]) - logits[index]!);
    assert.ok(off < 1e-4, `${off}`);
  }
  const shown = () => page.locator(".photo canvas").isVisible();
  assert.equal(await shown(), false);
  await page.locator("#heat").check();
  assert.equal(await shown(), true);
  await page.close();
});

test("photos can be dropped and pasted; what is none is told so; results become a table", async () => {
  const { page } = await openExportedPage(browser, await exported("page"));
  const bytes = [...(await readFile(sampleImage))];
  const give = (kind: "drop" | "paste", name: string, data: readonly number[]) =>
    page.evaluate(
      `{
        const [kind, name, data] = ${JSON.stringify([kind, name, data])};
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(data)], name));
        const event = kind === "drop"
          ? new DragEvent("drop", { dataTransfer: transfer })
          : new ClipboardEvent("paste", { clipboardData: transfer });
        dispatchEvent(event);
      }`,
    );
  // Before the model is ready, too.
  await give("drop", "dropped.png", bytes);
  await give("paste", "pasted.png", bytes);
  await give("drop", "text.jpg", [...Buffer.from("no photo")]);
  await give("drop", "cut.png", bytes.slice(0, 200));
  await page.locator(".photo.failed", { hasText: "cut.png" }).waitFor();
  const failed = await page.locator(".photo.failed .told").allTextContents();
  assert.equal(failed.length, 2);
  assert.match(failed[0]!, /It is no photo that can be used: no known image format/);
  assert.match(
    (await page.locator("#status").textContent()) ?? "",
    /2 photos.* 2 could not be used/,
  );
  assert.match((await page.locator("#news").textContent()) ?? "", /cut\.png/);

  const download = page.waitForEvent("download");
  await page.locator("#save").click();
  const table = join(folder, "results.csv");
  await (await download).saveAs(table);
  const [, ...rows]: string[][] = parse(await readFile(table, "utf8"), { bom: true });
  const names = rows.map(([name]) => name);
  assert.deepEqual(names, ["dropped.png", "pasted.png", "text.jpg", "cut.png"]);
  const [dropped, pasted, text] = rows.map((row) => row.slice(1).join());
  assert.equal(dropped, pasted);
  assert.match(text!, /no known image format/);
  await page.close();
});

test("a JPEG that is cut off is shown with what it has, and a note; a PNG is refused as such", async () => {
  const jpeg = await readFile(fixturePath("data", "images", "colour.jpg"));
  const { page } = await openExportedPage(browser, await exported("page"));
  await untilReady(page);
  // At 70 % the data of its image have hardly begun: it is grey.
  const shares = [0.7, 0.8, 0.95, 1];
  const paths = shares.map((share) => join(folder, `${share}.jpg`));
  for (const [i, path] of paths.entries())
    await writeFile(path, jpeg.subarray(0, Math.floor(shares[i]! * jpeg.length)));
  const told = await classify(page, paths);
  const seen = paths.map((path) => told.get(basename(path))!);
  const note = ["Its file seems to be cut off."];
  assert.deepEqual(
    seen.map(({ notes }) => notes),
    [note, note, note, []],
  );
  // Of each more is seen than of those before it.
  const answers = seen.map(({ logits }) => logits.map((value) => value.toFixed(2)).join());
  assert.equal(new Set(answers).size, shares.length);

  const png = join(folder, "half.png");
  const bytes = await readFile(sampleImage);
  await writeFile(png, bytes.subarray(0, bytes.length / 2));
  await page.locator("#files").setInputFiles(png);
  const failed = page.locator(".photo.failed .told");
  await failed.waitFor();
  assert.match(
    (await failed.textContent())!,
    /^Its file seems to be cut off\. This browser cannot/,
  );
  await page.close();
});

test("no program on the page could send anything anywhere", async () => {
  let visits = 0;
  const server = createServer((_, response) => {
    visits++;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const { page } = await openExportedPage(browser, await exported("page"));
  await untilReady(page);
  const address = `http://127.0.0.1:${port}/`;
  const refused = await page.evaluate(
    `(async (address) => {
      const inWorker = \`fetch("\${address}").then(() => postMessage("sent"), () => postMessage("refused"))\`;
      const worker = new Worker(URL.createObjectURL(new Blob([inWorker])));
      const said = new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
      const image = new Image();
      const loaded = new Promise((resolve) => {
        image.onload = () => resolve("sent");
        image.onerror = () => resolve("refused");
      });
      image.src = address;
      navigator.sendBeacon(address, "x");
      return [await fetch(address).then(() => "sent", () => "refused"), await said, await loaded];
    })(${JSON.stringify(address)})`,
  );
  assert.deepEqual(refused, ["refused", "refused", "refused"]);
  assert.equal(visits, 0);
  server.close();
  await page.close();
});

test("a file that was cut off says so", async () => {
  const whole = await onlyFile(await exported("page"), ".html");
  const text = await readFile(whole, "utf8");
  const cut = join(folder, "cut");
  await mkdir(cut);
  await writeFile(join(cut, "page.html"), text.slice(0, Math.floor(text.length * 0.7)));
  const { page } = await openExportedPage(browser, cut);
  const fault = page.locator("#fault");
  await fault.waitFor();
  assert.match(
    (await fault.textContent()) ?? "",
    /This file is incomplete: .*Copy or export it again/,
  );
  await page.close();
});

test("a browser without WebAssembly's SIMD is told so", async () => {
  const old = await chromium(["--js-flags=--no-enable-ssse3 --no-enable-sse4-1 --no-enable-avx"]);
  const { page } = await openExportedPage(old, await exported("page"));
  const fault = page.locator("#fault");
  await fault.waitFor();
  assert.match((await fault.textContent()) ?? "", /no WebAssembly with SIMD/);
  await old.close();
});

test("a photo is taken with the camera", async () => {
  const cameras = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  const withCamera = await chromium(cameras);
  const { page } = await openExportedPage(withCamera, await exported("page"));
  await untilReady(page);
  await page.locator("#take").click();
  const shoot = page.locator("#camera [data-do=shoot]");
  await shoot.waitFor();
  await page.locator("#camera video[data-seen]").waitFor();
  await shoot.click();
  await page.locator(".photo .top li").first().waitFor();
  assert.match((await page.locator(".photo h3").textContent()) ?? "", /^camera .*png$/);
  await withCamera.close();
});

test("a server's page sends photos to its server and shows what it answers", async () => {
  const top = [
    { class: 1, name: "coat", probability: 0.75 },
    { class: 0, name: "dress", probability: 0.25 },
  ];
  const subject = { model: "R50x1", classes: 2, size: 224, details: [] };
  const { html, policy } = await serverPage(subject);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [type, body] =
      request.url === "/" ? ["text/html", html] : ["application/json", answerTo(asked.length)];
    if (request.url !== "/") asked.push(`${request.method} ${request.url}`);
    request.resume().on("end", () => {
      const status = asked.length === 2 ? 413 : 200;
      response.writeHead(status, { "content-type": type, "content-security-policy": policy });
      response.end(body);
    });
  });
  const answerTo = (before: number) =>
    JSON.stringify(before === 0 ? { predictions: [{ source: "x", top }] } : { error: "too large" });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await page
    .locator("#files")
    .setInputFiles([sampleImage, fixturePath("data", "images", "grey.jpg")]);
  await page.locator(".photo.failed").waitFor();
  assert.deepEqual(asked, ["POST /predict?top=5", "POST /predict?top=5"]);
  assert.deepEqual(await page.locator(".top .name").allTextContents(), ["coat", "dress"]);
  assert.deepEqual(await page.locator(".failed .told").allTextContents(), ["too large"]);
  assert.equal(await page.locator("#heat").isVisible(), false);
  await page.close();
  server.closeAllConnections();
  server.close();
});
