/**
 * `bit-serve` against the same service by FastAPI with timm, on the same cores, in turns.
 *
 *   node dist/bench/serve/compare.js [--rounds 5] [--seconds 20] [--clients 16] [--python PYTHON]
 *     [--precision fp32]
 *
 * Without --python, an environment with requirements.txt is made in the cache folder.
 */
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { coreTimesMs } from "../../src/bench/step-timing.js";
import { cacheFolder } from "../../src/cache-folder.js";
import { openEngine } from "../../src/engine/open.js";
import { packageRoot } from "../../src/package-root.js";
import { findPip } from "../../src/setup/tools.js";
import { makeArchive } from "../suite/made-data.js";
import { makePhotos } from "../suite/photos.js";
import { environmentPython } from "../suite/python-environment.js";
import { quietShare, waitForQuiet } from "../suite/quiet.js";
import { type Contestant, startFastApi, startOwn } from "./contestants.js";
import { type LoadResult, load, post } from "./load.js";

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
// Linux has told times of processes in hundredths of a second on every architecture since 2.6.
const msPerTick = 10;

const cache = join(cacheFolder(), "bench");
const archive = join(cache, `serve-R50x1-${classes}`, "BiT-M-R50x1.npz");
await makeArchive(archive, "BiT-M-R50x1", classes);
const photoFolder = join(cache, `serve-photos-${photo.width}x${photo.height}`);
await makePhotos(openEngine(), photoFolder, photo);
const photos = await photosIn(photoFolder);
const requirements = join(packageRoot, "bench", "serve", "requirements.txt");
const environment = { name: "serve", requirements, cache, python: findPip };
const python = values.python ?? (await environmentPython(environment, console.error));

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
  const results = new Map<string, Round[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const one of contestants) {
      await waitForQuiet(quietLimitMs);
      const { name, url } = one;
      const before = otherCpu(one);
      const loaded = await load({ url, clients, seconds, photos });
      const after = otherCpu(one);
      if (loaded.failures > 0) throw new Error(`${name}: ${loaded.failures} requests failed`);
      const otherShare = (after.otherMs - before.otherMs) / (after.allMs - before.allMs);
      const cpuMs = (after.serviceMs - before.serviceMs) / loaded.latenciesMs.length;
      results.get(name)!.push({ ...loaded, otherShare, cpuMs });
      const p99 = quantile(loaded.latenciesMs, 0.99).toFixed(0);
      const told = `${loaded.imagesPerSecond.toFixed(2)} images/s, p99 ${p99} ms, ${cpuMs.toFixed(0)} ms`;
      console.log(`round ${round}: ${name}: ${told}, others ${percent(otherShare)}`);
    }
  }
  print(results);
} finally {
  for (const { process: child } of contestants) child.kill();
}

interface Round extends LoadResult {
  /** Part of all cores' time that other programs took, from 0 to 1. */
  readonly otherShare: number;
  /** Processor time of the service, for each image. */
  readonly cpuMs: number;
}

/** Time of all cores, and what neither the service nor this process took of it. */
function otherCpu({ process: { pid } }: Contestant) {
  const { busy, idle } = coreTimesMs();
  const { user, system } = process.cpuUsage();
  // After the program's name in brackets: state, ten other fields, then user and system time in ticks.
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  const serviceMs = (Number(fields[11]) + Number(fields[12])) * msPerTick;
  return { serviceMs, allMs: busy + idle, otherMs: busy - serviceMs - (user + system) / 1000 };
}

/** Only the rounds count that others disturbed little; where there are none, the least disturbed third. */
function counted(rounds: readonly Round[]): readonly Round[] {
  const sorted = rounds.toSorted((a, b) => a.otherShare - b.otherShare);
  const quiet = sorted.filter(({ otherShare }) => otherShare <= quietShare);
  return quiet.length > 0 ? quiet : sorted.slice(0, Math.ceil(sorted.length / 3));
}

function print(results: ReadonlyMap<string, readonly Round[]>): void {
  const [{ model: cpu } = { model: "unknown" }] = cpus();
  const machine = `${cpu}, ${cpus().length} cores, node ${process.version}`;
  console.log(`\n${new Date().toISOString()}, ${machine}`);
  console.log(`${rounds} rounds of ${seconds} s, ${clients} clients, ${photos.length} photos\n`);
  console.log(
    "| service | images/s, median | slowest and fastest | p50 | p99 | CPU time | rounds, others |",
  );
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const [name, all] of results) {
    const kept = counted(all);
    const rates = kept.map(({ imagesPerSecond }) => imagesPerSecond);
    const latencies = kept.flatMap(({ latenciesMs }) => latenciesMs);
    const [least, median, most] = [0, 0.5, 1].map((part) => quantile(rates, part).toFixed(2));
    const [p50, p99] = [0.5, 0.99].map((part) => `${quantile(latencies, part).toFixed(0)} ms`);
    const others = percent(Math.max(...kept.map(({ otherShare }) => otherShare)));
    const cpu = `${quantile(
      kept.map(({ cpuMs }) => cpuMs),
      0.5,
    ).toFixed(0)} ms`;
    const row = [name, median, `${least} to ${most}`, p50, p99, cpu, `${kept.length}, ${others}`];
    console.log(`| ${row.join(" | ")} |`);
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
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
