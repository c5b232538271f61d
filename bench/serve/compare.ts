/**
 * `bit-serve` against the same service by FastAPI with timm, on the same cores, in turns.
 *
 *   node dist/bench/serve/compare.js [--rounds 5] [--seconds 20] [--clients 16] [--python PYTHON]
 *     [--precision fp32]
 *
 * Without --python, an environment with requirements.txt is made in the cache folder.
 */
import { readdir, readFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../../src/cache-folder.js";
import { openEngine } from "../../src/engine/open.js";
import { packageRoot } from "../../src/package-root.js";
import { makeArchive } from "../suite/made-data.js";
import { makePhotos } from "../suite/photos.js";
import { waitForQuiet } from "../suite/quiet.js";
import { torchPython } from "../suite/torch-environment.js";
import { type Contestant, startFastApi, startOwn } from "./contestants.js";
import { load, post } from "./load.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "20" },
    clients: { type: "string", default: "16" },
    python: { type: "string" },
    precision: { type: "string" },
  },
});
const [rounds, seconds, clients] = [values.rounds, values.seconds, values.clients].map(Number) as [
  number,
  number,
  number,
];
const classes = 1000;
const size = 224;
const photo = { width: 500, height: 375, count: 64 };
const warmUpSeconds = 8;
const quietLimitMs = 20_000;

const cache = join(cacheFolder(), "bench");
const archive = join(cache, `serve-R50x1-${classes}`, "BiT-M-R50x1.npz");
await makeArchive(archive, "BiT-M-R50x1", classes);
const photoFolder = join(cache, `serve-photos-${photo.width}x${photo.height}`);
await makePhotos(openEngine(), photoFolder, photo);
const photos = await photosIn(photoFolder);
const python =
  values.python ??
  (await torchPython(
    join(packageRoot, "bench", "serve", "requirements.txt"),
    cache,
    console.error,
  ));

const model = { archive, size, classes };
const flags = values.precision === undefined ? [] : ["--precision", values.precision];
const contestants: Contestant[] = [];
try {
  contestants.push(await startOwn(model, flags));
  for (const [way, channelsLast] of [
    ["plain", false],
    ["batched", false],
    ["batched", true],
  ] as const)
    contestants.push(await startFastApi(model, { python, way, channelsLast }));
  await compareAnswers(contestants);
  for (const { url } of contestants) await load({ url, clients, seconds: warmUpSeconds, photos });
  const results = new Map(
    contestants.map(({ name }) => [name, { rates: [], latencies: [] } as Row]),
  );
  for (let round = 0; round < rounds; round++) {
    for (const { name, url } of contestants) {
      await waitForQuiet(quietLimitMs);
      const { imagesPerSecond, latenciesMs, failures } = await load({
        url,
        clients,
        seconds,
        photos,
      });
      if (failures > 0) throw new Error(`${name}: ${failures} requests failed`);
      const row = results.get(name)!;
      row.rates.push(imagesPerSecond);
      row.latencies.push(...latenciesMs);
      const p99 = quantile(latenciesMs, 0.99).toFixed(0);
      const busy = loadavg()[0]!.toFixed(1);
      console.log(
        `round ${round}: ${name}: ${imagesPerSecond.toFixed(2)} images/s, p99 ${p99} ms, load ${busy}`,
      );
    }
  }
  print(results);
} finally {
  for (const { process: child } of contestants) child.kill();
}

interface Row {
  readonly rates: number[];
  readonly latencies: number[];
}

function print(results: ReadonlyMap<string, Row>): void {
  const [{ model: cpu } = { model: "unknown" }] = cpus();
  console.log(
    `\n${new Date().toISOString()}, ${cpu}, ${cpus().length} cores, node ${process.version}`,
  );
  console.log(`${rounds} rounds of ${seconds} s, ${clients} clients, ${photos.length} photos\n`);
  console.log("| service | images/s, median | slowest and fastest round | p50 | p99 |");
  console.log("| --- | --- | --- | --- | --- |");
  for (const [name, { rates, latencies }] of results) {
    const [least, median, most] = [0, 0.5, 1].map((part) => quantile(rates, part).toFixed(2));
    const [p50, p99] = [0.5, 0.99].map((part) => `${quantile(latencies, part).toFixed(0)} ms`);
    console.log(`| ${name} | ${median} | ${least} to ${most} | ${p50} | ${p99} |`);
  }
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]!;
}

async function photosIn(folder: string): Promise<Uint8Array[]> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => name.endsWith(".jpg")).sort();
  return Promise.all(files.map((name) => readFile(join(folder, name))));
}

/** What all of them say of some photos has to be the same: else they do not do the same work. */
async function compareAnswers(all: readonly Contestant[]): Promise<void> {
  const tolerance = 1e-3;
  for (const bytes of photos.slice(0, 4)) {
    const answers = [];
    for (const { url } of all) answers.push(topOf((await post(`${url}predict`, bytes)).text));
    const [own, ...others] = answers;
    for (const other of others)
      for (const [i, one] of own!.entries()) {
        const apart = Math.abs(one.probability - other[i]!.probability) / one.probability;
        if (apart > tolerance) throw new Error(`different answers: ${JSON.stringify(answers)}`);
      }
  }
}

function topOf(text: string): readonly { readonly class: number; readonly probability: number }[] {
  return JSON.parse(text).predictions[0].top;
}
