/**
 * Every format in every reader: all 540 images (40 photos, the sample's 500) have bit-predict's class and its
 * logits, of images that are prepared alike; and those tools that prepare images by an export's own facts,
 * from the files.
 */
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readNpy } from "../../src/archive/npy.js";
import { repositoryRoot } from "../fixture-path.js";
import { ortNodeLogits, type Reading, tfjsLogits } from "./javascript-readers.js";
import { type EnvironmentName, pythonJson } from "./python.js";
import {
  agreement,
  exportOf,
  imagePaths,
  imagesFile,
  photoCount,
  r50x1,
  type Subject,
  sample,
} from "./subject.js";

/** A share of the logits' spread: sums in another order, in float32. */
const tolerance = 1e-4;

let folder: string;
let images: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  images = await imagesFile();
});

after(() => rm(folder, { recursive: true, force: true }));

type Read = (exported: string, fed: string) => Promise<Reading>;

/** A program of test/readers/programs, which writes its logits and prints its version. */
function byPython(environment: EnvironmentName, name: string, ...args: string[]): Read {
  return async (exported, fed) => {
    const out = join(folder, `${environment}-${name}${args.join("")}.npy`);
    const script = join(repositoryRoot, "test", "readers", "programs", `${name}.py`);
    const version = await pythonJson(environment, script, [...args, exported, fed, out]);
    return { logits: (await readNpy(out)).data as Float32Array, version: String(version) };
  };
}

interface Row {
  readonly format: string;
  readonly reader: string;
  readonly subject: Subject;
  readonly read: Read;
}

/** How many images tfjs's CPU backend is given: it is slow. */
const few = async (exported: string, fed: string): Promise<Reading> => {
  const { shape, data } = await readNpy(fed);
  const each = data.length / shape[0]!;
  const first = { shape: [photoCount, ...shape.slice(1)], data: data.slice(0, photoCount * each) };
  return await tfjsLogits(exported, first as Parameters<typeof tfjsLogits>[1], "cpu");
};

const rows: readonly Row[] = [
  {
    format: "savedmodel",
    reader: "TensorFlow",
    subject: sample,
    read: byPython("tensorflow", "tensorflow_logits", "tensorflow"),
  },
  {
    format: "savedmodel",
    reader: "Keras TFSMLayer",
    subject: sample,
    read: byPython("tensorflow", "tensorflow_logits", "keras"),
  },
  {
    format: "onnx",
    reader: "ONNX Runtime",
    subject: sample,
    read: byPython("onnx", "onnx_logits"),
  },
  {
    format: "onnx",
    reader: "ONNX Runtime, oldest",
    subject: sample,
    read: byPython("onnx-old", "onnx_logits"),
  },
  {
    format: "onnx",
    reader: "onnxruntime-node",
    subject: sample,
    read: async (exported, fed) => await ortNodeLogits(exported, await readNpy(fed)),
  },
  {
    format: "tfjs",
    reader: "TensorFlow.js wasm",
    subject: sample,
    read: async (exported, fed) => await tfjsLogits(exported, await readNpy(fed), "wasm"),
  },
  { format: "tfjs", reader: "TensorFlow.js cpu", subject: sample, read: few },
  {
    format: "hf",
    reader: "transformers",
    subject: sample,
    read: byPython("torch", "transformers_logits"),
  },
  { format: "timm", reader: "timm", subject: r50x1, read: byPython("torch", "timm_logits") },
];

async function report(row: Row, how: string, { version, ...rest }: Record<string, unknown>) {
  const { format, reader } = row;
  const file = process.env["BIT_READERS_FOLDER"];
  const line = JSON.stringify({ format, reader, version, how, ...rest });
  if (file) await appendFile(join(file, "agreement.jsonl"), `${line}\n`);
}

for (const row of rows)
  test(`${row.format} in ${row.reader}: bit-predict's classes and logits`, async (t) => {
    const { logits, version } = await row.read(await exportOf(row.subject, row.format), images);
    const seen = await agreement(row.subject, logits);
    await report(row, "prepared", { version, ...seen });
    t.diagnostic(JSON.stringify({ version, ...seen }));
    assert.equal(seen.otherClasses, 0);
    assert.ok(seen.difference <= tolerance, `${seen.difference}`);
  });

/** Pillow makes white of what is above 255 in it; findings/sixteen-bit-grey.sh. */
const asPillowReads = (path: string) => !path.endsWith("sixteen-bit-grey.png");

for (const row of rows.filter(({ format }) => format === "hf" || format === "timm"))
  test(`${row.format} in ${row.reader}: the same from the files, by its own processor`, async (t) => {
    const list = join(folder, `${row.format}.json`);
    const paths = await imagePaths();
    await writeFile(list, JSON.stringify(paths));
    const { logits, version } = await row.read(await exportOf(row.subject, row.format), list);
    const classes = logits.length / paths.length;
    const each = await Promise.all(
      paths.map(async (path, i) => {
        const alone = logits.slice(i * classes, (i + 1) * classes);
        return { path, ...(await agreement(row.subject, alone, i)) };
      }),
    );
    const compared = each.filter(({ path }) => asPillowReads(path));
    const largest = compared.reduce((a, b) => (a.difference > b.difference ? a : b));
    await report(row, "files", {
      version,
      images: compared.length,
      difference: largest.difference,
    });
    t.diagnostic(JSON.stringify(largest));
    assert.deepEqual(
      compared.filter(({ otherClasses }) => otherClasses > 0),
      [],
    );
    assert.ok(largest.difference <= tolerance, `${largest.path}: ${largest.difference}`);
  });
