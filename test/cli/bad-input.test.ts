/** Bad input: one clear error that says what to do next, exit 2, and nothing damaged. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeZip } from "../archive/zip-builder.js";
import { fixturePath } from "../fixture-path.js";
import {
  type CommandResult,
  bitEval as evaluate,
  bitPredict as predict,
  runBin,
  runHere,
  bitTrain as train,
} from "./command.js";
import { bmp, pattern, tinyFlags, writeTinyFolder } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
});

after(() => rm(root, { recursive: true, force: true }));

/** Paths and contents of all files below the tests' folder. */
async function snapshot(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(
      path,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
  }
  return files;
}

/** Where, got, expected, next, and no stack. */
function assertOneClearError({ code, stderr }: CommandResult, message: RegExp): void {
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^error: \S.*\n {2}expected: \S[\s\S]*\n {2}next: \S/);
  assert.equal(stderr.match(/error: /g)?.length, 1, stderr);
  assert.doesNotMatch(stderr, /^\s+at /m);
  assert.match(stderr, message);
}

/** `bit-train` on the tests' images, with its pretrained models and runs below the tests' folder. */
function trainArgs(...more: string[]): string[] {
  const scratch = tinyFlags(tiny.images, join(root, "logs")).filter(
    (flag) => flag !== "--from_scratch",
  );
  return [...scratch, "--steps", "2", "--bit_pretrained_dir", root, ...more];
}

interface Case {
  readonly name: string;
  readonly main?: typeof train;
  readonly args: () => string[] | Promise<string[]>;
  readonly message: RegExp;
}

/** An image folder with one class of its own making besides those that are sound. */
async function folderWith(name: string, fileName?: string, contents?: Uint8Array): Promise<string> {
  const folder = await writeTinyFolder(join(root, name));
  const path = join(folder, "train", "white");
  for (const part of ["train", "val"])
    await mkdir(join(folder, part, "white"), { recursive: true });
  await writeFile(join(folder, "val", "white", "1.bmp"), bmp(pattern(4, 1, 40, 36), 40, 36));
  if (fileName !== undefined) await writeFile(join(path, fileName), contents!);
  return folder;
}

async function truncatedJpeg(): Promise<Uint8Array> {
  const whole = await readFile(fixturePath("data", "images", "colour.jpg"));
  return whole.subarray(0, Math.floor(whole.length * 0.7));
}

const cases: readonly Case[] = [
  {
    name: "missing weights, with nothing to be fetched",
    args: () => trainArgs("--model", "BiT-M-R50x1", "--offline"),
    message: /BiT-M-R50x1\.npz: there is no such file[\s\S]*npx bit-download BiT-M-R50x1/,
  },
  {
    name: "weights of another model",
    args: () => trainArgs("--model", "R26x0.5", "--weights", tiny.checkpoint),
    message: /checkpoint\.npz holds a model of another architecture, R14x0\.5/,
  },
  {
    name: "a truncated archive",
    args: async () => {
      await copyFile(tiny.checkpoint, join(root, "cut.npz"));
      await truncate(join(root, "cut.npz"), 100_000);
      return trainArgs("--weights", join(root, "cut.npz"));
    },
    message: /cut\.npz: cut off: a ZIP archive without its end/,
  },
  {
    name: "a truncated checkpoint of a run",
    main: evaluate,
    args: async () => {
      const run = join(root, "logs", "cut");
      await mkdir(run);
      await copyFile(join(tiny.run, "config.json"), join(run, "config.json"));
      await writeFile(join(run, "checkpoint.npz"), "PK\x03\x04 and no more");
      return [run];
    },
    message: /logs\/cut\/checkpoint\.npz: cut off/,
  },
  {
    name: "an archive compressed by another method",
    args: async () => {
      const path = join(root, "lzma.npz");
      const name = "resnet/root_block/standardized_conv2d/kernel.npy";
      await writeZip(path, [{ name, contents: new Uint8Array(64), method: 14 }]);
      return trainArgs("--weights", path);
    },
    message: /lzma\.npz, array 'resnet\/.*kernel': compressed by LZMA/,
  },
  {
    name: "an archive of object arrays",
    args: async () => {
      const path = join(root, "objects.npz");
      const contents = await readFile(fixturePath("archive", "objects.npy"));
      await writeZip(path, [{ name: "resnet/group_norm/gamma.npy", contents }]);
      return trainArgs("--weights", path);
    },
    message: /objects\.npz, array 'resnet\/group_norm\/gamma'.*object/,
  },
  {
    name: "an empty class folder",
    args: async () => trainArgs("--dataset", await folderWith("empty"), "--from_scratch"),
    message: /no images in the class folder white/,
  },
  {
    name: "a training image that is cut off",
    args: async () => {
      const folder = await folderWith("cut", "cut.jpg", await truncatedJpeg());
      return trainArgs("--dataset", folder, "--from_scratch", "--name", "cut-image");
    },
    message:
      /1 of 41 images: cannot be decoded: .*train\/white\/cut\.jpg \(.*\n.*\n.*--bad_images skip/,
  },
  {
    name: "an image to predict that is cut off",
    main: predict,
    args: async () => {
      await writeFile(join(root, "cut.jpg"), await truncatedJpeg());
      return [join(root, "cut.jpg"), tiny.run];
    },
    message: /cut\.jpg: cannot be decoded/,
  },
  {
    name: "an unknown dataset",
    args: () => trainArgs("--dataset", "cifar12", "--from_scratch"),
    message: /--dataset cifar12: neither a known dataset nor a folder/,
  },
  {
    name: "an unknown flag",
    args: () => trainArgs("--learning_rate", "0.1"),
    message: /Unknown argument: learning_rate/,
  },
  {
    name: "an argument without a flag",
    args: () => trainArgs("cifar10"),
    message: /an argument without a flag/,
  },
  {
    name: "a logdir that cannot be made",
    args: () => trainArgs("--from_scratch", "--logdir", join(tiny.checkpoint, "logs")),
    message: /checkpoint\.npz\/logs\/.*: cannot be written to \(ENOTDIR\)/,
  },
  {
    name: "weights to start from, and none",
    args: () => trainArgs("--from_scratch", "--weights", tiny.checkpoint),
    message: /--weights .*checkpoint\.npz: --from_scratch as well[\s\S]*--no-from_scratch/,
  },
  {
    name: "a split that does not divide the batch",
    args: () => trainArgs("--from_scratch", "--batch_split", "3"),
    message: /--batch_split: 3 does not divide a batch of 8[\s\S]*--batch_split [24]/,
  },
  {
    name: "a run that goes on with other settings",
    args: () => trainArgs("--from_scratch", "--name", "tiny", "--base_lr", "0.01"),
    message: /logs\/tiny: holds a run with other settings: .*--base_lr was 0\.003, is now 0\.01/,
  },
  {
    name: "a number that is none",
    args: () => trainArgs("--batch", "many"),
    message: /--batch: many is not possible\n {2}expected: a whole number from 1 on/,
  },
];

for (const { name, main = train, args, message } of cases) {
  test(name, async () => {
    const argv = await args();
    const before = await snapshot();
    const result = await runHere(main, argv);
    assertOneClearError(result, message);
    const after = await snapshot();
    for (const [path, contents] of before) assert.equal(after.get(path), contents, path);
    const made = [...after.keys()].filter((path) => !before.has(path));
    assert.deepEqual(made, []);
  });
}

test("the same of the commands' own processes", async () => {
  const results = await Promise.all([
    runBin("bit-train", trainArgs("--model", "BiT-M-R50x1", "--offline")),
    runBin("bit-predict", [join(root, "cut.jpg"), "--run", tiny.run]),
    runBin("bit-eval", [tiny.run, "--tops", "3"]),
    runBin("bit-download", ["BiT-M-R50"]),
  ]);
  const messages = [
    /there is no such file/,
    /cut\.jpg: cannot be decoded/,
    /Unknown argument: tops/,
    /BiT-M-R50x1/,
  ];
  results.forEach((result, i) => {
    assertOneClearError(result, messages[i]!);
  });
});
