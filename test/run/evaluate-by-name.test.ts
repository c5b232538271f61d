/** A run is judged by the names of its classes, in whichever order another dataset has them. */
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { evaluateRun } from "../../src/run/evaluate-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import { bitEval as main, runHere } from "../cli/command.js";
import { tinyClasses, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

// Numbers that a table sorts by value, and folders by code point.
const numbers = ["2", "10", "1000"];

test("a run on a table of numbers, evaluated on folders of the same images", async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const rows: string[] = [];
  for (const [part, from, to] of [
    ["train", 0, 8],
    ["val", 8, 13],
  ] as const)
    for (const [label, name] of tinyClasses.entries()) {
      const folder = join(root, "folders", numbers[label]!);
      await mkdir(folder, { recursive: true });
      for (let i = from; i < to; i++) {
        const path = join(images, part, name, `${i}.bmp`);
        rows.push(`${path},${numbers[label]},${part}`);
        if (part === "val") await copyFile(path, join(folder, `${i}.bmp`));
      }
    }
  const table = join(root, "table.csv");
  await writeFile(table, `path,label,split\n${rows.join("\n")}\n`);
  const { folder, config, validation } = await fineTune(
    {
      name: "numbers",
      model: "R14x0.5",
      fromScratch: true,
      dataset: table,
      logdir: join(root, "logs"),
      batch: 8,
      steps: 12,
      resolution: 40,
      crop: 32,
      precision: "fp32",
    },
    engine,
  );
  assert.deepEqual(config.classNames, numbers);
  const own = await evaluateRun({ source: folder.path }, engine);
  assert.equal(own.top1, validation?.top1);
  const options = { source: folder.path, dataset: join(root, "folders") };
  const other = await evaluateRun(options, engine);
  assert.deepEqual([other.count, other.top1, other.top5], [15, own.top1, own.top5]);
  assert.ok(Math.abs(other.loss - own.loss) < 1e-6 * own.loss, `${other.loss}, ${own.loss}`);
  assert.deepEqual(other.evaluated, { part: "whole", classes: 3, matching: "name" });
  // By their order, which is another one, they would be other classes.
  const inOrder = await evaluateRun({ ...options, matchClasses: "order" }, engine);
  assert.notEqual(inOrder.loss.toFixed(3), own.loss.toFixed(3));

  const flags = [folder.path, "--dataset", images, "--split", "train"];
  const refused = await runHere(main, flags);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /has blue, green, red, which are no classes of the model/);
});

test("a dataset without parts is known wherever it lies: only what was held out is evaluated", async (t) => {
  const root = await temporaryFolder(t);
  const images = join(await writeTinyFolder(root), "train");
  const options = { fromScratch: true, batch: 8, steps: 2, resolution: 40, crop: 32 } as const;
  const { folder, validation } = await fineTune(
    { ...options, name: "whole", model: "R14x0.5", dataset: images, logdir: join(root, "logs") },
    engine,
  );
  const copy = join(root, "copy");
  await cp(images, copy, { recursive: true });
  const own = await evaluateRun({ source: folder.path, dataset: copy }, engine);
  assert.deepEqual([own.count, own.top1, own.evaluated.part], [6, validation?.top1, "val"]);
  assert.match(own.notes.join(), /copy is what the run was trained on: only what it held out/);
  // Without the run's folder too.
  await copyFile(folder.checkpoint, join(root, "model.npz"));
  const alone = await evaluateRun({ source: join(root, "model.npz"), dataset: copy }, engine);
  assert.deepEqual([alone.count, alone.loss], [own.count, own.loss]);
  // Other images are others, however many they are.
  await copyFile(join(root, "tiny/val/red/9.bmp"), join(copy, "red/new.bmp"));
  await rm(join(copy, "red/0.bmp"));
  const other = await evaluateRun({ source: folder.path, dataset: copy }, engine);
  assert.deepEqual([other.count, other.evaluated.part], [24, "whole"]);
});
