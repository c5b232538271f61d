/**
 * `npm run test:readers`: exports, read by the programs they are for: TensorFlow, Keras, ONNX Runtime, timm,
 * transformers, Chromium. Sets up in the cache folder what is missing of them, without root, then runs the
 * tests in test/readers. `npm run test:readers -- PATTERN` runs only the files whose path contains PATTERN.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { InstallError, install, runScript } from "./install.mjs";
import { countsLine, runTests, testFiles } from "./run-tests.mjs";

/** What test/readers/matrix.test.ts has seen, as the table in docs/export.md. */
function agreementLines(folder) {
  const file = join(folder, "agreement.jsonl");
  if (!existsSync(file)) return [];
  const rows = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  return rows.map(({ format, reader, version, how, images, difference }) =>
    ["", format, `${reader} ${version}`, how, images, difference.toExponential(1), ""]
      .join(" | ")
      .trim(),
  );
}

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
    const counts = await runTests(files, 30);
    for (const line of agreementLines(folder)) console.log(line);
    console.log(countsLine(counts));
    return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
