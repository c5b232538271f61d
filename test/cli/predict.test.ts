/** `bit-predict` end to end: from files, folders and arrays to classes and logits. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { openArchive } from "../../src/archive/array-archive.js";
import { type NumericData, readNpy, writeNpy } from "../../src/archive/npy.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import {
  headBias,
  headKernel,
  parseArchitecture,
  variableSpecs,
} from "../../src/model/architecture.js";
import { filesOfPattern } from "../../src/run/input-files.js";
import { topProbabilities } from "../../src/run/probabilities.js";
import { writeTree } from "../data/temporary-folder.js";
import { golden, imageValues, variableValues } from "../deterministic.js";
import { fixturePath } from "../fixture-path.js";
import {
  bitPredict as main,
  type PredictedImage,
  predictionsIn,
  runBin,
  runHere,
} from "./command.js";
import { bmp, pattern, tinyClasses } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
});

after(() => rm(root, { recursive: true, force: true }));

/** Predicts in this process; the rows and the logits `[n, classes]`. */
async function predictHere(
  ...args: string[]
): Promise<{ rows: readonly PredictedImage[]; logits: Float32Array[] }> {
  const out = join(root, "out.npy");
  const { code, stdout, stderr } = await runHere(main, [...args, "--json", "--logits", out]);
  assert.equal(code, 0, stderr);
  const { shape, data } = await readNpy(out);
  const [n, classes] = shape as [number, number];
  const logits = Array.from({ length: n }, (_, i) => {
    return (data as Float32Array).slice(i * classes, (i + 1) * classes);
  });
  return { rows: predictionsIn(stdout).predictions, logits };
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
  const report = predictionsIn(stdout);
  const rows: readonly PredictedImage[] = report.predictions;
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

test("paths from standard input, patterns, a table and features", async () => {
  const folder = join(root, "photos (1)");
  const names = ["b.bmp", "a,1.bmp", "deep/c.bmp", "deep/line\nbreak.bmp"];
  const files = names.map((name, i) => [name, bmp(pattern(i % 3, i, 32, 32), 32, 32)] as const);
  await writeTree(folder, { ...Object.fromEntries(files), "notes.txt": Buffer.from("none") });
  const [b, a, c, broken] = names.map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];

  // A pattern means images, sorted; its brackets are a name's own.
  const { rows, logits } = await predictHere(`${folder}/**`, "--run", tiny.run);
  assert.deepEqual(
    rows.map(({ source }) => source),
    [a, b, c, broken],
  );
  const some = await predictHere(`${folder}/[!a]*.{bmp,jpg}`, "--run", tiny.run);
  assert.deepEqual(
    some.rows.map(({ source }) => source),
    [b],
  );

  for (const [wanted, ...patterns] of [
    [
      c,
      `${folder}/*/c.bmp`,
      `${folder}/**/c.*`,
      `${folder}/deep/?.bmp`,
      `${root}/*/{deep,b}/c.bmp`,
    ],
    [a, `${folder}/a*`, `${folder}/{a,1.bmp,a?1.bmp}`, `${root}/photos (?)/a*`],
  ] as const)
    for (const one of patterns) assert.deepEqual(await filesOfPattern(one), [wanted], one);
  const here = relative(process.cwd(), folder);
  assert.deepEqual(await filesOfPattern(`${here}/b*`), [`${here}/b.bmp`]);

  const [csv, features] = [join(root, "classes.csv"), join(root, "features.npy")];
  const bin = (text: string, ...args: string[]) =>
    runBin("bit-predict", ["-", tiny.run, "--json", ...args], {
      started: (child) => child.stdin!.end(text),
    });
  const asked = ["--csv", csv, "--features", features, "--top", "2"];
  const listed = await bin(`${c}\r\n\n${a}\n`, ...asked);
  assert.equal(listed.code, 0, listed.stderr);
  const told = predictionsIn(listed.stdout).predictions;
  assert.deepEqual(
    told.map(({ source }) => source),
    [c, a],
  );
  const [head, first, second, end] = (await readFile(csv, "utf8")).split("\n");
  assert.equal(head, "path,index,top1,top2,probability1,probability2,skipped");
  const cells = ({ top }: PredictedImage) =>
    top.map(({ probability }) => Number(probability.toPrecision(7)));
  const row = (one: PredictedImage) => [...one.top.map(({ name }) => name), ...cells(one)].join();
  assert.equal(first, `${c},,${row(told[0]!)},`);
  assert.equal(second, `"${a}",,${row(told[1]!)},`);
  assert.equal(end, "");

  // The head makes the logits of the features: x W + b.
  const { shape, data } = await readNpy(features);
  assert.deepEqual(shape, [2, 1024]);
  const archive = await openArchive(tiny.checkpoint);
  const [kernel, bias] = [await archive.read(headKernel), await archive.read(headBias)];
  await archive.close();
  for (const [i, place] of [2, 0].entries())
    for (let k = 0; k < 3; k++) {
      let sum = Number(bias.data[k]);
      for (let j = 0; j < 1024; j++)
        sum += Number(data[1024 * i + j]) * Number(kernel.data[3 * j + k]);
      // Sums of 1024 float32 products, in another order.
      assertNear([sum], [logits[place]![k]!], 1e-4);
    }

  // NUL-separated, a name may hold a line break.
  const nul = await bin(`${broken}\0${b}\0`);
  assert.equal(nul.code, 0, nul.stderr);
  assert.deepEqual(
    predictionsIn(nul.stdout).predictions.map(({ source }) => source),
    [broken, b],
  );
});

test("a skipped image keeps its row in every file", async () => {
  const folder = join(root, "some bad");
  const good = bmp(pattern(1, 1, 32, 32), 32, 32);
  await writeTree(folder, { "1.bmp": good, "2.jpg": Buffer.from("<html>"), "3.bmp": good });
  const [csv, features] = [join(root, "bad.csv"), join(root, "bad.npy")];
  const files = ["--csv", csv, "--features", features, "--bad_images", "skip"];
  const { code, stderr } = await runHere(main, [folder, tiny.run, ...files]);
  assert.equal(code, 0, stderr);
  const lines = (await readFile(csv, "utf8")).trimEnd().split("\n");
  assert.equal(lines.length, 4);
  assert.match(lines[2]!, /2\.jpg,,,,,,,,.*web page/);
  const { shape, data } = await readNpy(features);
  assert.deepEqual(shape, [3, 1024]);
  const values = data as Float32Array;
  assert.ok(values.slice(1024, 2048).every(Number.isNaN));
  assert.deepEqual(values.slice(2048), values.slice(0, 1024));
});

test("lists and patterns of nothing, and two files of one name, are refused", async () => {
  const empty = await runBin("bit-predict", ["-", tiny.run], {
    started: (child) => child.stdin!.end("\n"),
  });
  assert.equal(empty.code, 2);
  assert.match(empty.stderr, /standard input: no path in it/);
  const red = join(tiny.images, "val", "red");
  const same = join(root, "same.npy");
  const cases: [string[], RegExp][] = [
    [[join(root, "*.tiff")], /\*\.tiff: a pattern that no file has/],
    [[join(root, "photos (1)", "*.txt")], /1 files?, none an image/],
    [[join(root, "photo (7).jpg")], /photo \(7\)\.jpg: cannot be found/],
    [[red, "--logits", same, "--features", same], /--logits and --features: both are/],
    [[red, "--csv", join(root, "nowhere", "x.csv")], /its folder does not exist/],
  ];
  for (const [args, message] of cases) {
    const { code, stdout, stderr } = await runHere(main, [...args, "--run", tiny.run]);
    assert.equal(code, 2, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  }
  await assert.rejects(readFile(same), /ENOENT/);
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
