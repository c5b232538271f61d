/** Reports in Chromium, from the disk: they show what their data says, sort, and ask nobody for anything. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { writeReport } from "../../src/report/report-file.js";
import { fixturePath } from "../fixture-path.js";
import { largeReport } from "../report/made-report.js";
import { reportIn } from "../report/report-in.js";
import { chromium } from "./chromium.js";
import { program, sampleRun } from "./exported.js";
import { openFile } from "./opened-page.js";

let browser: Browser;
let folder: string;
before(async () => {
  browser = await chromium();
  folder = await mkdtemp(join(tmpdir(), "bit-train-reports-"));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

const ready = "html[data-ready]";

/** The texts of a column of a table, by the table's caption. */
function column(page: Page, caption: string, place: number): Promise<string[]> {
  const rows = page.locator("table", { has: page.locator(`caption:text-is("${caption}")`) });
  return rows.locator(`tbody tr > :nth-child(${place})`).allTextContents();
}

/** Whether all maps are drawn, and some of them have colours: the sample's own images are grey. */
const mapsAreDrawn = `(() => {
  const canvases = [...document.querySelectorAll(".card:not([hidden]) canvas")];
  const pixels = canvases.map((one) => one.getContext("2d").getImageData(0, 0, one.width, one.height));
  const isRed = (data) => data.some((value, i) => i % 4 === 0 && value > data[i + 2] + 50);
  return pixels.every(({ data }) => data[3] === 255) && pixels.some(({ data }) => isRed(data));
})()`;

test("the report of the sample's run shows its figures, images and curves, light and dark", async () => {
  const file = join(await sampleRun(), "report.html");
  const [run] = reportIn(await readFile(file, "utf8")).runs;
  const { worst, perClass, classNames, count, mistakes } = run!.judgement!;
  for (const colorScheme of ["light", "dark"] as const)
    for (const width of [1200, 390]) {
      const viewport = { width, height: 900 };
      const { page, requests, complaints } = await openFile(browser, file, {
        colorScheme,
        viewport,
      });
      await page.locator(ready).waitFor();
      assert.equal(await page.locator("h1").textContent(), run!.name);
      const tiles = (await page.locator(".tile .value").allTextContents()).join();
      assert.ok(tiles.startsWith(`${(100 * run!.final!.top1).toFixed(2)} %`), tiles);
      const said = (await page.locator("#mistakes .lead").textContent()) ?? "";
      assert.ok(said.startsWith(`${mistakes} of ${count} held-out images`), said);
      const titles = await page.locator("#mistakes .card:visible h3").allTextContents();
      const expected = worst.slice(0, titles.length).map(({ truth, top }) => {
        return `${classNames[truth]} taken for ${classNames[top[0]![0]]}`;
      });
      assert.deepEqual(titles, expected);
      const f1 = await column(page, "How each class fares", 5);
      const sorted = perClass.map((row) => row.f1!).sort((a, b) => a - b);
      assert.deepEqual(
        f1,
        sorted.map((value) => `${(100 * value).toFixed(1)} %`),
      );
      await page.locator(".uplot canvas").first().waitFor();
      const shown = await page.evaluate<[number, number, boolean]>(
        `[
          document.querySelectorAll(".uplot canvas").length,
          document.documentElement.scrollWidth - innerWidth,
          [...document.querySelectorAll(".card:not([hidden]) img")].every((one) => one.naturalWidth > 0),
        ]`,
      );
      assert.ok(shown[0] >= 3, "curves");
      assert.ok(shown[1] <= 0, `${shown[1]} pixels too wide`);
      assert.ok(shown[2], "every picture can be decoded");
      const [mistake] = worst;
      const [taken, truth] = [mistake!.top[0]![0], mistake!.truth].map(
        (label) => classNames[label],
      );
      const captions = await page
        .locator("#mistakes .card")
        .first()
        .locator("figcaption")
        .allTextContents();
      assert.equal(captions.length, 5);
      assert.match(captions[1]!, new RegExp(`speaks for ${taken}$`));
      assert.match(captions[2]!, new RegExp(`speaks for ${truth}$`));
      assert.deepEqual(captions.slice(3), [
        `most like it: training image of ${taken}`,
        `most like it: training image of ${truth}`,
      ]);
      const map = mistake!.heat![0]!;
      const legend = await page.locator("#mistakes .heat-legend").textContent();
      assert.ok(legend!.includes(`in ${map.rows} x ${map.columns} places`), legend!);
      // The embedded dataset is no folder that bit-find is given.
      assert.equal(await page.locator("#mistakes code").count(), 1);
      // Where something speaks for a class, the map has colours, and the sample's images are grey.
      let drawn = false;
      for (let tries = 0; !drawn && tries < 100; tries++) {
        drawn = await page.evaluate<boolean>(mapsAreDrawn);
        if (!drawn) await page.waitForTimeout(100);
      }
      assert.ok(drawn, "maps");
      assert.deepEqual(requests, []);
      assert.deepEqual(complaints, []);
      await page.close();
    }
});

test("a large report opens quickly; its tables and its matrix can be sorted", async () => {
  const file = join(folder, "large.html");
  const data = await largeReport();
  await writeReport(file, data);
  const { perClass, classNames } = data.runs[0]!.judgement!;
  const begun = performance.now();
  const { page, complaints } = await openFile(browser, file, {
    viewport: { width: 1200, height: 900 },
  });
  await page.locator(ready).waitFor();
  // A second is promised, on a machine that is not busy.
  const elapsedMs = performance.now() - begun;
  assert.ok(elapsedMs < 10_000, `${elapsedMs} ms`);

  const caption = "How each class fares";
  const head = (title: string) => page.locator("#classes thead button", { hasText: title });
  await page.locator("#classes .more").click();
  const names = classNames.map((name, i) => ({ name, ...perClass[i]! }));
  const shownNames = () => column(page, caption, 1);
  await head("Class").click();
  assert.deepEqual(await shownNames(), classNames, "by name, with numbers in their order");
  await head("Class").click();
  assert.deepEqual(await shownNames(), classNames.toReversed());
  await head("Precision").click();
  const byPrecision = names.toSorted((a, b) => b.precision! - a.precision!);
  assert.deepEqual(
    await shownNames(),
    byPrecision.map(({ name }) => name),
  );
  assert.equal(
    await page.locator("#classes thead [aria-sort]").getAttribute("aria-sort"),
    "descending",
  );
  await page.locator("#classes input").fill("number 42");
  assert.deepEqual(await shownNames(), ["the class of number 42"]);

  const matrix = () =>
    page.evaluate<string>("document.querySelector('.matrix canvas').toDataURL()");
  const told = page.locator(".matrix .told");
  const first = await matrix();
  await page.locator("#matrix-order").selectOption("recall");
  assert.notEqual(await matrix(), first);
  await page.locator(".matrix canvas").focus();
  await page.keyboard.press("ArrowRight");
  const [worst] = names.toSorted((a, b) => a.recall! - b.recall!);
  const right = Math.round(worst!.recall! * worst!.count);
  assert.equal(
    await told.textContent(),
    `${worst!.name} judged right: ${right} of ${worst!.count} (${(100 * worst!.recall!).toFixed(1)} %)`,
  );
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a report of a folder's images says how to find those that are most like a mistake", async () => {
  const file = join(folder, "like.html");
  const data = await largeReport();
  const [run] = data.runs;
  const dataset = "/data/a folder of photos";
  await writeReport(file, {
    ...data,
    runs: [{ ...run!, settings: { ...run!.settings, dataset } }],
  });
  const { page } = await openFile(browser, file, { viewport: { width: 390, height: 900 } });
  await page.locator(ready).waitFor();
  const { name } = run!.judgement!.worst[0]!;
  const command = await page.locator("#mistakes code").last().textContent();
  assert.equal(command, `npx bit-find '${name}' --in '${dataset}' --run ${run!.path}`);
  assert.ok(
    (await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")) <= 0,
  );
  await page.close();
});

test("runs stand side by side with an official log", async () => {
  const out = join(folder, "comparison.html");
  const log = fixturePath("train-logs", "paddle-cifar10.log");
  await program("bit-report", [await sampleRun(), log, "--out", out]);
  const { page, requests, complaints } = await openFile(browser, out, {
    viewport: { width: 1200, height: 900 },
  });
  await page.locator(ready).waitFor();
  const names = await column(page, "What the runs came to", 1);
  assert.deepEqual(names, [
    reportIn(await readFile(out, "utf8")).runs[0]!.name,
    "paddle-cifar10.log",
  ]);
  const settings = await column(page, "Settings that differ", 1);
  assert.ok(settings.includes("batch") && settings.includes("model"), settings.join());
  assert.deepEqual(requests, []);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("runs that differ in their seeds alone have a row together, with mean and deviation", async () => {
  const file = join(folder, "seeds.html");
  const data = await largeReport();
  const [run] = data.runs;
  const runs = [0, 1].map((seed) => ({ ...run!, name: `a_seed${seed}`, judgement: undefined }));
  const top1 = { mean: 0.9732, deviation: 0.00125 };
  const repeats = [
    { name: "a", runs: runs.map(({ name }) => name), top1, loss: { mean: 0.5, deviation: null } },
  ];
  await writeReport(file, { ...data, runs, repeats });
  const { page, complaints } = await openFile(browser, file, {
    viewport: { width: 1200, height: 900 },
  });
  await page.locator(ready).waitFor();
  const caption = "Mean and deviation over seeds";
  const cells = await Promise.all([1, 2, 3, 4, 5].map((place) => column(page, caption, place)));
  // A column that no group has is not there.
  assert.deepEqual(cells, [["a"], ["2"], ["97.32 % ± 0.13 %"], ["0.5"], []]);
  assert.deepEqual(complaints, []);
  await page.close();
});
