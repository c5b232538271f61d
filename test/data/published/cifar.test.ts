import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, cp, mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { type CifarName, loadCifar } from "../../../src/data/published/cifar.js";
import { CIFAR_CLASSES } from "../../../src/data/published/cifar-classes.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder } from "../temporary-folder.js";

const CIFAR = fixturePath("data", "cifar");
const userError = (message: RegExp) => ({ name: "UserError", message });

/** The pixels that scripts/make-image-fixtures.py gives image i, `[32, 32, 3]`. Compared exactly. */
function pixelsOf(i: number): Uint8Array {
  const pixels = new Uint8Array(32 * 32 * 3);
  let at = 0;
  for (let y = 0; y < 32; y++)
    for (let x = 0; x < 32; x++)
      for (let c = 0; c < 3; c++) pixels[at++] = 17 * i + 89 * c + 5 * y + 3 * x + ((y * x) % 7);
  return pixels;
}

function assertImages(split: Split, first: number, labelOf: (i: number) => number): void {
  const { images, labels } = split;
  assert.ok(images.kind === "pixels");
  assert.deepEqual([images.height, images.width], [32, 32]);
  assert.equal(images.pixels.length, labels.length * 3072);
  labels.forEach((label, i) => {
    assert.equal(label, labelOf(first + i));
    const pixels = images.pixels.subarray(i * 3072, (i + 1) * 3072);
    assert.ok(Buffer.from(pixels).equals(pixelsOf(first + i)), `image ${first + i}`);
  });
}

function assertFixture(dataset: Dataset, name: CifarName): void {
  assert.equal(dataset.name, name);
  assert.deepEqual(dataset.typicalSize, [32, 32]);
  if (name === "cifar10") {
    assert.deepEqual([dataset.train.labels.length, dataset.val.labels.length], [10, 2]);
    assertImages(dataset.train, 0, (i) => (3 * i + 1) % 10);
    assertImages(dataset.val, 10, (i) => (3 * i + 1) % 10);
    assert.deepEqual(dataset.classNames, CIFAR_CLASSES.cifar10);
  } else {
    assert.deepEqual([dataset.train.labels.length, dataset.val.labels.length], [3, 2]);
    assertImages(dataset.train, 0, (i) => (37 * i + 5) % 100);
    assertImages(dataset.val, 3, (i) => (37 * i + 5) % 100);
    assert.equal(dataset.classNames[7], "fine_07");
  }
}

test("a file that is far too long is refused before it is read", async (t) => {
  const [datadir, copy] = await copyOf(t, "cifar-10-batches-bin");
  // A hole on the disk: reading it would take all of that memory.
  await truncate(join(copy, "data_batch_3.bin"), 3 * 2 ** 30);
  const refusal = userError(/data_batch_3\.bin: 3221225472 bytes, more than the 268435456/);
  await assert.rejects(loadCifar("cifar10", datadir), refusal);
});

/** A folder with a copy of one official folder, under that name. */
async function copyOf(t: TestContext, folder: string): Promise<[datadir: string, copy: string]> {
  const datadir = await temporaryFolder(t);
  await cp(join(CIFAR, folder), join(datadir, folder), { recursive: true });
  return [datadir, join(datadir, folder)];
}

const FOLDERS = [
  ["cifar10", "cifar-10-batches-py"],
  ["cifar10", "cifar-10-batches-bin"],
  ["cifar100", "cifar-100-python"],
  ["cifar100", "cifar-100-binary"],
] as const;

for (const [name, folder] of FOLDERS)
  test(`${folder} is read from its own folder and from the one above`, async (t) => {
    assertFixture(await loadCifar(name, join(CIFAR, folder)), name);
    const [datadir] = await copyOf(t, folder);
    assertFixture(await loadCifar(name, datadir), name);
  });

test("the official archives are read as they are", async () => {
  assertFixture(await loadCifar("cifar10", join(CIFAR, "archives")), "cifar10");
  assertFixture(await loadCifar("cifar100", join(CIFAR, "archives")), "cifar100");
});

test("100 and 10 classes are known, in alphabetical order, and used without a names file", async (t) => {
  assert.equal(CIFAR_CLASSES.cifar100.length, 100);
  assert.deepEqual(CIFAR_CLASSES.cifar100, CIFAR_CLASSES.cifar100.toSorted());
  const [datadir, copy] = await copyOf(t, "cifar-100-binary");
  await rm(join(copy, "fine_label_names.txt"));
  const { classNames } = await loadCifar("cifar100", datadir);
  assert.deepEqual(classNames, CIFAR_CLASSES.cifar100);
});

test("files pickled again by today's Python are read", async (t) => {
  for (const file of ["protocol-2", "protocol-4", "protocol-5", "text-keys"]) {
    const [datadir, copy] = await copyOf(t, "cifar-10-batches-py");
    await copyFile(join(CIFAR, "repickled", file), join(copy, "data_batch_1"));
    assertFixture(await loadCifar("cifar10", datadir), "cifar10");
  }
});

test("missing batches are listed", async (t) => {
  const [datadir, copy] = await copyOf(t, "cifar-10-batches-bin");
  await rm(join(copy, "data_batch_3.bin"));
  await rm(join(copy, "test_batch.bin"));
  await assert.rejects(
    loadCifar("cifar10", datadir),
    userError(/cifar-10-batches-bin: data_batch_3\.bin, test_batch\.bin are missing/),
  );
  // A whole archive beside it is as good.
  const archive = "cifar-10-python.tar.gz";
  await copyFile(join(CIFAR, "archives", archive), join(datadir, archive));
  assertFixture(await loadCifar("cifar10", datadir), "cifar10");
});

test("where nothing is found, the message says what was looked for and where to get it", async (t) => {
  await assert.rejects(
    loadCifar("cifar10", await temporaryFolder(t)),
    userError(
      /no cifar10 there.*cifar-10-batches-py\/.*https:\/\/www\.cs\.toronto\.edu\/~kriz\/cifar-10-python\.tar\.gz/s,
    ),
  );
  // An image folder's train and test are not CIFAR-100's files of these names.
  const datadir = await temporaryFolder(t);
  await mkdir(join(datadir, "train"));
  await mkdir(join(datadir, "test"));
  await assert.rejects(loadCifar("cifar100", datadir), userError(/no cifar100 there/));
});

test("a binary file that is not whole records is refused", async (t) => {
  const [datadir, copy] = await copyOf(t, "cifar-100-binary");
  await truncate(join(copy, "test.bin"), 3074 * 2 - 1);
  await assert.rejects(
    loadCifar("cifar100", datadir),
    userError(/test\.bin: 6147 bytes\n.*3074 bytes/),
  );
  await truncate(join(copy, "test.bin"), 0);
  await assert.rejects(loadCifar("cifar100", datadir), userError(/test\.bin: 0 bytes/));
});

test("labels out of range are refused", async (t) => {
  const [datadir, copy] = await copyOf(t, "cifar-10-batches-bin");
  const path = join(copy, "data_batch_2.bin");
  const bytes = await readFile(path);
  bytes[3073] = 10;
  await writeFile(path, bytes);
  await assert.rejects(
    loadCifar("cifar10", datadir),
    userError(/data_batch_2\.bin: image 1 has label 10/),
  );
});

test("damaged pickles are refused", async (t) => {
  const [datadir, copy] = await copyOf(t, "cifar-10-batches-py");
  const path = join(copy, "data_batch_4");
  const whole = await readFile(path);
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    await writeFile(path, bytes);
    await assert.rejects(loadCifar("cifar10", datadir), userError(message));
  };
  await refused(whole.subarray(0, 3000), /data_batch_4: not a readable pickle/);
  await refused(Buffer.alloc(0), /data_batch_4: not a readable pickle/);
  await refused(Buffer.from("hello"), /data_batch_4: not a readable pickle/);
  await refused(Buffer.from("<html>"), /data_batch_4: not a readable pickle.*; it is a web page/);
  await refused(Buffer.from("\x80\x02].", "latin1"), /data_batch_4: no array named data/);
  const meta = await readFile(join(copy, "batches.meta"));
  await refused(meta, /data_batch_4: no array named data/);
  // One label less than images: the list's second item is cut out.
  const labels = whole.indexOf("labels") + "labels".length;
  const second = whole.indexOf("K", whole.indexOf("K", labels) + 1);
  await refused(
    Buffer.concat([whole.subarray(0, second), whole.subarray(second + 2)]),
    /data_batch_4: labels do not fit/,
  );
  await writeFile(path, whole);
  await writeFile(join(copy, "batches.meta"), Buffer.from("\x80\x02}.", "latin1"));
  await assert.rejects(loadCifar("cifar10", datadir), userError(/batches\.meta: 0 class names/));
});

test("a truncated, damaged or incomplete archive is refused", async (t) => {
  const datadir = await temporaryFolder(t);
  const name = "cifar-10-python.tar.gz";
  const whole = await readFile(join(CIFAR, "archives", name));
  const refused = async (bytes: Uint8Array, message: RegExp) => {
    await writeFile(join(datadir, name), bytes);
    await assert.rejects(loadCifar("cifar10", datadir), userError(message));
  };
  await refused(whole.subarray(0, 6000), /cifar-10-python\.tar\.gz: .*unexpected end of file/);
  await refused(whole.subarray(0, whole.length - 8), /unexpected end of file/);
  await refused(Buffer.from("<html>not found</html>"), /is a web page/);
  const flipped = Buffer.from(whole);
  flipped[5000]! ^= 255;
  await refused(flipped, /cannot be read as a tar\.gz/);
  // The archive of the other dataset under this name.
  const other = await readFile(join(CIFAR, "archives", "cifar-100-binary.tar.gz"));
  await refused(other, /cifar-10-batches-py\/data_batch_1.* are missing/);
  // A header that promises more than any file of the dataset, and nothing after it.
  const archive = pack();
  archive.entry({ name: "cifar-10-batches-py/data_batch_1", size: 2 ** 31 });
  archive.resume();
  const [header] = (await once(archive, "data")) as [Buffer];
  await refused(gzipSync(header), /data_batch_1 claims 2147483648 bytes/);
});
