/**
 * Makes assets/page.png, the README's picture of the page of exports: the sample's run, fine-tuned in a minute,
 * looks at two of its validation images in Chromium. `node dist/scripts/make-page-picture.js`, with the
 * engine set up and Chromium installed (or fetched, as by `npm run test:readers`).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.js";
import { chromium } from "../test/readers/chromium.js";
import { exported } from "../test/readers/exported.js";
import { classify, openExportedPage, untilReady } from "../test/readers/opened-page.js";

const folder = await mkdtemp(join(tmpdir(), "bit-page-picture-"));
process.env["BIT_READERS_FOLDER"] ??= folder;
const browser = await chromium();
try {
  const { page } = await openExportedPage(browser, await exported("page"));
  await page.setViewportSize({ width: 880, height: 760 });
  await untilReady(page);
  const image = (name: string) => join(packageRoot, "sample", "images", "val", name);
  await classify(page, ["dress/000.png", "ankle-boot/003.png"].map(image));
  await page.screenshot({ path: join(packageRoot, "assets", "page.png") });
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
