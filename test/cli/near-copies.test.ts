/** `bit-data check --features`: other files of one picture, within and across the parts of a dataset. */
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ImageEncoder } from "../../src/input/image-encoder.js";
import { ImageProgram } from "../../src/input/image-program.js";
import type { NearCopies, NearPair } from "../../src/run/near-copies.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { repositoryRoot } from "../fixture-path.js";
import { bitData as main, runHere } from "./command.js";
import { writeTinyFolder } from "./tiny-images.js";

const sample = join(repositoryRoot, "sample", "images");

/** Writes a PNG of 28 x 28 pixels as a JPEG of quality 90 and another size. */
async function written(from: string, to: string, side: number): Promise<string> {
  const program = new ImageProgram(engine, side, "pillow");
  const encoder = new ImageEncoder(engine, [side, side], { format: "jpeg", quality: 90 });
  try {
    const bytes = await readFile(from);
    const made = await program.make({ bytes, decoder: "jpeg-or-png", orientation: 1 });
    assert.ok(made.type === "uint8");
    await writeFile(to, await encoder.encode(made.data));
  } finally {
    program.close();
    encoder.close();
  }
  return to;
}

test("pictures that were encoded anew or resized are found, and no others", async (t) => {
  const root = join(await temporaryFolder(t), "images");
  await cp(join(sample, "train"), join(root, "train"), { recursive: true });
  for (const name of await readdir(join(sample, "val")))
    for (let i = 0; i < 20; i++) {
      const file = join("val", name, `${String(i).padStart(3, "0")}.png`);
      await cp(join(sample, file), join(root, file));
    }
  const [first] = (await readdir(join(root, "train", "coat"))).sort();
  const original = (name: string) => join(root, "train", name, first!);
  const leak = await written(original("coat"), join(root, "val", "coat", "leak.jpg"), 28);
  const wrong = await written(original("sandal"), join(root, "train", "dress", "wrong.jpg"), 42);
  const again = await written(
    original("ankle-boot"),
    join(root, "train", "ankle-boot", "x.jpg"),
    42,
  );
  // Of the same bytes: told as before, and not once more.
  await cp(original("shirt"), join(root, "val", "shirt", "same.png"));

  const args = ["check", root, "--features", "--weights", "sample-R14x0.5"];
  const { code, stdout, stderr } = await runHere(main, [...args, "--json"]);
  assert.equal(code, 0, stderr);
  const { leaks, nearCopies } = JSON.parse(stdout) as { leaks: unknown[]; nearCopies: NearCopies };
  assert.equal(leaks.length, 1);
  assert.deepEqual([nearCopies.model, nearCopies.similarity], ["sample-R14x0.5", 0.98]);
  const paths = (pairs: readonly NearPair[]) =>
    pairs.map(({ images }) => images.map(({ path }) => path));
  assert.deepEqual(paths(nearCopies.leaks), [[original("coat"), leak]]);
  assert.deepEqual(paths(nearCopies.mislabelled), [[wrong, original("sandal")]]);
  assert.deepEqual(paths(nearCopies.duplicates), [[original("ankle-boot"), again]]);
  assert.equal(nearCopies.leaks[0]!.images[1].part, "val");

  const readable = await runHere(main, args);
  assert.match(
    readable.stdout,
    /^near copies in training and held out: 1\n {2}0\.99\d\d {2}.* ~ .*leak\.jpg \(val, coat\)$/m,
  );
  assert.match(readable.stdout, /^near copies in more than one class: 1$/m);
  assert.match(readable.stdout, /^near copies in one class and part: 1$/m);
  const strict = await runHere(main, [...args, "--similarity", "1"]);
  assert.match(
    strict.stdout,
    /^near copies by sample-R14x0\.5, from a cosine of 1 on: none found.*\nthe most alike below that:\n {2}0\.99\d\d {2}.* ~ /m,
  );
});

test("settings that contradict each other are refused before anything is read", async (t) => {
  const folder = await writeTinyFolder(await temporaryFolder(t));
  const cases: readonly [flags: string, said: RegExp][] = [
    ["--features", /no --weights: nothing says which model[\s\S]*--features --weights BiT-M-R50x1/],
    ["--features --weights sample-R14x0.5 --fast", /--fast: --features as well/],
    ["--weights sample-R14x0.5", /without --features no features are compared/],
    ["--similarity 0.9", /without --features no features are compared/],
    ["--features --weights sample-R14x0.5 --similarity 1.5", /a cosine is at most 1/],
    ["--features --weights sample-R14x0.4", /no published model of this name/],
  ];
  for (const [flags, said] of cases) {
    const { code, stdout, stderr } = await runHere(main, ["check", folder, ...flags.split(" ")]);
    assert.equal(code, 2, flags);
    assert.match(stderr, said, flags);
    assert.equal(stdout, "");
  }
});

test("a model that is not there is told before the images are decoded", async (t) => {
  const root = await temporaryFolder(t);
  // Of a dataset that is not there either: nothing of it was looked at.
  const args = ["check", join(root, "none"), "--features", "--weights", join(root, "no.npz")];
  const { code, stderr } = await runHere(main, args);
  assert.equal(code, 2);
  assert.match(stderr, /no\.npz: there is no such file/);
});
