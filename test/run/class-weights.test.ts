/** A folder of uneven classes, trained with and without weights, until its predictions. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { bmp, pattern } from "../cli/tiny-images.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { observing } from "./observing.js";

const side = 24;
const held = 12;
/** Training images of each class. */
const counts = { blue: 90, green: 60, red: 5 };

async function writeUneven(folder: string): Promise<void> {
  const files: Record<string, Uint8Array> = {};
  Object.entries(counts).forEach(([name, count], label) => {
    for (let i = 0; i < count + held; i++) {
      const part = i < count ? "train" : "val";
      files[`${part}/${name}/${i}.bmp`] = bmp(pattern(label, i, side, side), side, side);
    }
  });
  await writeTree(folder, files);
}

test("balanced weights raise the recall of a rare class; an evaluation's loss has none", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = join(root, "uneven");
  await writeUneven(dataset);
  const train = async (changes: Partial<FineTuneOptions>) => {
    const lines: string[] = [];
    const { folder, validation } = await fineTune(
      {
        ...{ model: "R14x0.5", fromScratch: true, dataset, logdir: join(root, "logs") },
        ...{ batch: 32, steps: 20, resolution: 20, crop: 16, precision: "fp32", report: false },
        ...changes,
      },
      engine,
      observing({ line: (line) => lines.push(line) }),
    );
    const options = { columns: true } as const;
    const rows: Record<string, string>[] = parse(await readFile(folder.predictions), options);
    const recalls = Object.keys(counts).map((name) => {
      const own = rows.filter(({ truth }) => truth === name);
      return own.filter(({ top1 }) => top1 === name).length / own.length;
    });
    const loss = rows.reduce((sum, row) => {
      const place = [1, 2, 3].find((i) => row[`top${i}`] === row["truth"]);
      return sum - Math.log(Number(row[`probability${place}`])) / rows.length;
    }, 0);
    return { rare: recalls[2]!, top1: validation!.top1, loss, told: validation!.loss, lines };
  };
  // By six seeds and two rates: 0 without weights, 1 with them.
  const plain = await train({ name: "plain" });
  assert.ok(plain.rare <= 0.25, String(plain.rare));
  assert.ok(plain.lines.some((line) => line.startsWith("Classes are uneven, blue has 90")));
  const balanced = await train({ name: "b", classWeights: "balanced", labelSmoothing: 0.05 });
  assert.ok(balanced.rare >= 0.75, String(balanced.rare));
  assert.ok(balanced.top1 > plain.top1);
  assert.ok(
    balanced.lines.includes(
      "Class weights (balanced): an image's loss is multiplied by 0.574 (blue, 90 images) to 10.3 (red, 5 " +
        "images), by 1 on average",
    ),
    balanced.lines.join("\n"),
  );
  // Of probabilities in seven digits.
  for (const { loss, told } of [plain, balanced]) assert.ok(Math.abs(loss - told) < 1e-4);
});
