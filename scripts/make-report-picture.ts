/**
 * Makes assets/report.png, the README's picture of a run's report: the sample's run, fine-tuned in a minute, in
 * Chromium. `node dist/scripts/make-report-picture.js`, with the engine set up and Chromium installed (or
 * fetched, as by `npm run test:readers`).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.js";
import { chromium } from "../test/readers/chromium.js";
import { program } from "../test/readers/exported.js";
import { openFile } from "../test/readers/opened-page.js";

const folder = await mkdtemp(join(tmpdir(), "bit-report-picture-"));
const browser = await chromium();
try {
  // The sample's own recipe, evaluated as it goes on.
  const recipe =
    "--dataset sample --batch 32 --resolution 54 --crop 48 --steps 100 --eval_every 20";
  await program("bit-train", [
    ...["--model", "sample-R14x0.5", ...recipe.split(" ")],
    ...[
      "--bit_pretrained_dir",
      join(packageRoot, "sample"),
      "--logdir",
      folder,
      "--name",
      "clothing",
    ],
  ]);
  const { page } = await openFile(browser, join(folder, "clothing", "report.html"), {
    viewport: { width: 1060, height: 1160 },
  });
  await page.locator(".uplot canvas").first().waitFor();
  // The accuracy and the loss say enough in a picture.
  await page.evaluate(
    "[...document.querySelectorAll('.chart')].slice(2).forEach((one) => one.remove())",
  );
  await page.screenshot({ path: join(packageRoot, "assets", "report.png") });
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
