/**
 * An archive beyond 4 GiB: made on the spot, of R152x4 with 21,843 classes, and read into the engine.
 * Not part of `npm test`: it takes 5 GB of disk and of memory, and some minutes. `npm run test:large`.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { sizeOf } from "../../src/archive/shape.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { archiveBytes, parameterCount } from "../../src/zoo/archive-size.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { type LoadReport, largeClasses, largeModel, valueAt } from "./load-archive.js";

const architecture = parseArchitecture(largeModel);
const specs = variableSpecs(architecture, largeClasses);
const parameterBytes = 4 * parameterCount(architecture, largeClasses);

function* arrays() {
  const largest = Math.max(...specs.map(({ shape }) => sizeOf(shape)));
  const memory = new Float32Array(largest);
  for (const [index, { name, shape }] of specs.entries()) {
    const data = memory.subarray(0, sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = valueAt(index, i);
    yield { name, array: { shape, data } };
  }
}

test(`${largeModel}: an archive beyond 4 GiB`, { timeout: 30 * 60_000 }, async (t) => {
  const path = join(await temporaryFolder(t), `${largeModel}.npz`);
  await writeNpz(path, arrays());
  const { size } = await stat(path);
  assert.ok(size > 2 ** 32, `${size} bytes`);
  t.diagnostic(`${size} bytes, as published ${archiveBytes(architecture, largeClasses)}`);

  await t.test("its directory is read, and an array that begins beyond 4 GiB", async () => {
    const archive = await NpzReader.open(path);
    try {
      assert.equal(archive.names.length, specs.length);
      const last = specs.length - 1;
      const { data } = await archive.read(specs[last]!.name);
      assert.equal(data[7], valueAt(last, 7));
    } finally {
      await archive.close();
    }
  });

  // Without native/kernels/ an array passes through JavaScript, and is there twice for a while.
  for (const [reader, bound] of [
    ["engine", 1.15],
    ["javascript", 1.7],
  ] as const) {
    await t.test(`it loads within ${bound} times what is kept, read by ${reader}`, async (t2) => {
      const child = fileURLToPath(new URL("./load-archive.js", import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, [child, path, reader]);
      const report = JSON.parse(stdout) as LoadReport;
      const ratio = report.peakBytes / parameterBytes;
      const gigabytes = (report.peakBytes / 1e9).toFixed(2);
      t2.diagnostic(`peak ${gigabytes} GB, ${ratio.toFixed(3)} of what is kept, ${report.ms} ms`);
      assert.deepEqual(report.wrong, [], "values differ");
      assert.ok(ratio <= bound, `${gigabytes} GB`);
    });
  }
});
