/** `bit-predict` end to end: from files, folders and arrays to classes and logits. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type NumericData, readNpy, writeNpy } from "../../src/archive/npy.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { topProbabilities } from "../../src/run/probabilities.js";
import { writeTree } from "../data/temporary-folder.js";
import { golden, imageValues, variableValues } from "../deterministic.js";
import { fixturePath } from "../fixture-path.js";
import { bitPredict as main, runBin, runHere } from "./command.js";
import { bmp, pattern, tinyClasses } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
});

after(() => rm(root, { recursive: true, force: true }));

interface Row {
  readonly source: string;
  readonly index?: number;
  readonly top: readonly { class: number; name: string; probability: number }[];
}

/** Predicts in this process; the rows and the logits `[n, classes]`. */
async function predictHere(...args: string[]): Promise<{ rows: Row[]; logits: Float32Array[] }> {
  const out = join(root, "out.npy");
  const { code, stdout, stderr } = await runHere(main, [...args, "--json", "--logits", out]);
  assert.equal(code, 0, stderr);
  const { shape, data } = await readNpy(out);
  const [n, classes] = shape as [number, number];
  const logits = Array.from({ length: n }, (_, i) => {
    return (data as Float32Array).slice(i * classes, (i + 1) * classes);
  });
  return { rows: JSON.parse(stdout).predictions, logits };
}

function assertNear(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number): void {
  assert.equal(got.length, wanted.length);
  for (let i = 0; i < got.length; i++)
    assert.ok(Math.abs(got[i]! - wanted[i]!) <= tolerance, `${i}: ${got[i]}, ${wanted[i]}`);
}

/** The batch `[n,h,w,3]` that decoded images make: (x - 127.5) / 127.5. */
function batchOf(...images: Uint8Array[]): Float32Array {
  return Float32Array.from(images.flatMap((image) => [...image].map((x) => (x - 127.5) / 127.5)));
}

test("images and folders, in order, with the run's class names", async () => {
  const red = join(tiny.images, "val", "red");
  const blue = join(tiny.images, "val", "blue", "9.bmp");
  const logits = join(root, "logits.npy");
  const args = [red, blue, tiny.run, "--json", "--top", "2", "--logits", logits, "--batch", "4"];
  const { code, stdout, stderr } = await runBin("bit-predict", args);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const report = JSON.parse(stdout);
  const rows: Row[] = report.predictions;
  assert.deepEqual(
    { ...report, predictions: rows.map(({ source }) => source) },
    {
      model: "R14x0.5",
      classes: 3,
      size: 32,
      notes: [],
      precision: "fp32",
      count: 6,
      skipped: 0,
      predictions: ["10", "11", "12", "8", "9"].map((i) => join(red, `${i}.bmp`)).concat(blue),
    },
  );
  const { shape, data } = await readNpy(logits);
  const values = data as Float32Array;
  assert.deepEqual(shape, [6, 3]);
  rows.forEach(({ top }, i) => {
    const exponentials = [...values.slice(3 * i, 3 * i + 3)].map(Math.exp);
    const sum = exponentials.reduce((a, b) => a + b);
    const best = [0, 1, 2].sort((a, b) => exponentials[b]! - exponentials[a]!).slice(0, 2);
    assert.deepEqual(
      top.map(({ class: label, name }) => [label, name]),
      best.map((label) => [label, tinyClasses[label]]),
    );
    // The logits are float32; what follows from them is computed in float64 here and there.
    assertNear(
      top.map(({ probability }) => probability),
      best.map((label) => exponentials[label]! / sum),
      1e-9,
    );
  });
});

test("an array gives what the image gives, and groups keep their order", async () => {
  const [first, second] = [pattern(0, 20, 32, 32), pattern(2, 21, 32, 32)];
  const [a, b] = [join(root, "a.bmp"), join(root, "b.bmp")];
  await writeTree(root, { "a.bmp": bmp(first, 32, 32), "b.bmp": bmp(second, 32, 32) });
  const both = join(root, "both.npy");
  const wide = join(root, "wide.npy");
  await writeNpy(both, { shape: [2, 32, 32, 3], data: batchOf(first, second) });
  await writeNpy(wide, { shape: [1, 32, 50, 3], data: batchOf(pattern(1, 1, 32, 50)) });
  const { rows, logits } = await predictHere(b, both, wide, a, "--run", tiny.run);
  assert.deepEqual(
    rows.map(({ source, index }) => [source, index]),
    [
      [b, undefined],
      [both, 0],
      [both, 1],
      [wide, 0],
      [a, undefined],
    ],
  );
  // Decoded without resizing, the image is the array; only the batch differs.
  assertNear(logits[0]!, logits[2]!, 1e-5);
  assertNear(logits[4]!, logits[1]!, 1e-5);
});

test("a batch's size changes nothing", async () => {
  const path = join(root, "seven.npy");
  await writeNpy(path, { shape: [7, 33, 32, 3], data: imageValues(7, 33, 32) });
  const [whole, parts] = [
    await predictHere(path, "--run", tiny.run, "--batch", "7"),
    await predictHere(path, "--run", tiny.run, "--batch", "3"),
  ];
  assert.equal(parts.logits.length, 7);
  for (const [i, logits] of parts.logits.entries()) assertNear(logits, whole.logits[i]!, 1e-5);
});

test("pictures are turned upright", async () => {
  const paths = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => fixturePath("data", "images", `exif-${i}.jpg`));
  const { logits } = await predictHere(...paths, "--run", tiny.run);
  // The same pixels, stored in eight ways: only rounding may differ.
  for (const row of logits) assertNear(row, logits[0]!, 1e-5);
});

test("an archive's logits of golden.json's images, not square", async () => {
  // Results of the official model in float64; ten times what its own float32 is apart from them.
  const c = golden.forward.find(({ h, w, width }) => h !== w && width === 1)!;
  const weights = join(root, "Golden-R14x1.npz");
  const specs = variableSpecs(parseArchitecture("R14x1"), c.classes);
  await writeNpz(
    weights,
    specs.map((spec) => ({
      name: spec.name,
      array: { shape: spec.shape, data: variableValues(spec) },
    })),
  );
  const path = join(root, "golden.npy");
  await writeNpy(path, { shape: [c.n, c.h, c.w, 3], data: imageValues(c.n, c.h, c.w) });
  const { rows, logits } = await predictHere(
    ...[path, "--weights", weights, "--top", "1", "--precision", "fp32"],
  );
  for (const [i, wanted] of c.first.entries())
    assertNear(logits[i]!.slice(0, wanted.length), wanted, 1e-4);
  assert.deepEqual(
    rows.map(({ top }) => top[0]!.class),
    c.argmax,
  );
  assert.equal(rows[0]!.top[0]!.name, String(c.argmax[0]));
});

test("probabilities of any logits, best first, of equal ones the lower class", () => {
  const top = topProbabilities(Float32Array.of(-1e30, 1000, 998, 1000), 3);
  assert.deepEqual(
    top.map((one) => one.class),
    [1, 3, 2],
  );
  const sum = 2 + Math.exp(-2);
  assertNear(
    top.map(({ probability }) => probability),
    [1 / sum, 1 / sum, Math.exp(-2) / sum],
    1e-15,
  );
  assert.equal(topProbabilities(Float32Array.of(1, 2), 5).length, 2);
});

test("people are told classes in percent", async () => {
  const image = join(tiny.images, "val", "red", "9.bmp");
  const { code, stdout } = await runHere(main, [image, tiny.run, "--top", "9"]);
  assert.equal(code, 0);
  const lines = stdout.split("\n");
  assert.equal(lines[0], image);
  assert.equal(lines.length, 4);
  for (const line of lines.slice(1)) assert.match(line, /^ +\d+\.\d\d % {2}(red|green|blue)$/);
});

test("unfit arrays and inputs give one clear error and no logits", async () => {
  const write = async (name: string, shape: number[], data: NumericData) => {
    await writeNpy(join(root, name), { shape, data });
    return join(root, name);
  };
  const values = imageValues(1, 4, 4);
  const cases: [string, RegExp][] = [
    [
      await write("bytes.npy", [1, 4, 4, 3], new Uint8Array(48)),
      /type \|u1.*astype\(np\.float32\)/s,
    ],
    [await write("double.npy", [1, 4, 4, 3], new Float64Array(48)), /values of type <f8/],
    [await write("image.npy", [4, 4, 3], values), /shape \[4, 4, 3\].*image\[None\]/s],
    [await write("channels.npy", [1, 3, 4, 4], values), /transpose\(0, 2, 3, 1\)/],
    [await write("grey.npy", [3, 4, 4, 1], values), /shape \[3, 4, 4, 1\]/],
    [await write("none.npy", [0, 4, 4, 3], new Float32Array(0)), /shape \[0, 4, 4, 3\]/],
    [
      await write(
        "raw.npy",
        [1, 4, 4, 3],
        values.map((x) => 127.5 * (x + 1)),
      ),
      /values from .* to 2\d\d/,
    ],
    [
      await write(
        "nan.npy",
        [1, 4, 4, 3],
        values.map((x) => x / 0),
      ),
      /not finite/,
    ],
    [join(root, "missing.jpg"), /missing\.jpg: cannot be found \(ENOENT\)/],
    [tiny.checkpoint, /an archive of weights among the inputs/],
    [join(tiny.images, "..", "logs"), /a folder without an image/],
  ];
  const out = join(root, "never.npy");
  for (const [input, message] of cases) {
    const { code, stdout, stderr } = await runHere(main, [
      input,
      "--run",
      tiny.run,
      "--logits",
      out,
    ]);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
    await assert.rejects(readNpy(out), /no such file/);
  }
  for (const args of [["a.bmp"], ["a.bmp", "--run", tiny.run, "--weights", tiny.checkpoint]])
    assert.equal((await runHere(main, args)).code, 2);
});
