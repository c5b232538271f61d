/**
 * `npm run test:readers`: exports, read by the programs they are for: TensorFlow, Keras, ONNX Runtime, timm,
 * transformers, Chromium. Sets up in the cache folder what is missing of them, without root, then runs the
 * tests in test/readers. `npm run test:readers -- PATTERN` runs only the files whose path contains PATTERN.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InstallError, install, runScript } from "./install.mjs";
import { countsLine, runTests, testFiles } from "./run-tests.mjs";

await runScript(async () => {
  const [pattern = ""] = process.argv.slice(2);
  await install();
  const { setUpReaders } = await import("../dist/test/readers/set-up.js");
  const { UserError } = await import("../dist/src/errors.js");
  const begun = Date.now();
  await setUpReaders().catch((error) => {
    throw error instanceof UserError ? new InstallError(error.message) : error;
  });
  console.log(`Readers: ready after ${Math.round((Date.now() - begun) / 1000)} s`);

  const files = testFiles((name) => name.startsWith("test/readers/") && name.includes(pattern));
  if (files.length === 0) throw new InstallError(`No reader test's path contains "${pattern}".`, 1);
  const folder = mkdtempSync(join(tmpdir(), "bit-train-readers-"));
  process.env.BIT_READERS_FOLDER = folder;
  try {
    const counts = await runTests(files);
    console.log(countsLine(counts));
    return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
