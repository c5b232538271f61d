/**
 * Features of a folder of JPEG photos by bit-train, and by PyTorch on the same cores, in turns.
 *
 *   node dist/bench/features/compare.js --python PYTHON [--rounds 2] [--photos 1000] [--settings A,B]
 *
 * PYTHON has torch, torchvision, timm and Pillow.
 */
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readNpy } from "../../src/archive/npy.js";
import { cacheFolder } from "../../src/cache-folder.js";
import { exists } from "../../src/disk/file-reading.js";
import { packageRoot } from "../../src/package-root.js";
import { run } from "../suite/child.js";
import { makeArchive } from "../suite/made-data.js";

const { values: flags } = parseArgs({
  options: {
    python: { type: "string", default: "python3" },
    rounds: { type: "string", default: "2" },
    photos: { type: "string", default: "1000" },
    settings: {
      type: "string",
      default: "own_channels_last,timm_channels_last,timm_channels_last_torchvision",
    },
  },
});
const cache = join(cacheFolder(), "bench");
const archive = join(cache, "serve-R50x1-1000", "BiT-M-R50x1.npz");
await makeArchive(archive, "BiT-M-R50x1", 1000);
const script = join(packageRoot, "bench", "features", "features.py");
const count = Number(flags.photos);
const photos = join(cache, `golden-photos-${count}`);
if (!(await exists(photos))) {
  const sources = ["cat.jpg", "coffee.jpg"].map((n) => join(packageRoot, "sample", "golden", n));
  const made = ["photos", ...sources, "--out", photos, "--count", flags.photos];
  await told(flags.python, [script, ...made]);
}

const own = "bit-train";
const contestants = [own, ...flags.settings.split(",")];
const results = new Map<string, { seconds: number; cpu: number }[]>();
const outOf = (name: string) => join(cache, `features-of-${name}.npy`);
for (let round = 0; round < Number(flags.rounds); round++)
  for (const name of contestants) {
    const inputs = [photos, archive, outOf(name)];
    const output =
      name === own
        ? await told(process.execPath, [join(import.meta.dirname, "own.js"), ...inputs])
        : await told(flags.python, [script, "extract", ...inputs, "--setting", name]);
    const { seconds, cpu_seconds: cpu } = JSON.parse(output.trim().split("\n").at(-1)!);
    results.set(name, [...(results.get(name) ?? []), { seconds, cpu }]);
    const load = loadavg()[0]!.toFixed(1);
    console.log(
      `round ${round}: ${name}: ${seconds.toFixed(1)} s, CPU ${cpu.toFixed(1)} s, load ${load}`,
    );
  }

const { data: mine, shape } = await readNpy(outOf(own));
console.log(`\n${cpus()[0]?.model}, ${availableParallelism()} cores, ${count} photos, ${shape}`);
console.log("| features by | photos/s | slowest and fastest | CPU ms a photo | least cosine |");
console.log("| --- | --- | --- | --- | --- |");
for (const [name, rounds] of results) {
  const rates = rounds.map(({ seconds }) => count / seconds).sort((a, b) => a - b);
  const cpu = rounds.map((one) => (1000 * one.cpu) / count).sort((a, b) => a - b);
  const { data } = await readNpy(outOf(name));
  const least = leastCosine(mine as Float32Array, data as Float32Array, shape[1]!);
  const row = [median(rates).toFixed(2), `${rates[0]!.toFixed(2)} to ${rates.at(-1)!.toFixed(2)}`];
  console.log(`| ${[name, ...row, median(cpu).toFixed(0), least.toFixed(6)].join(" | ")} |`);
}

function median(sorted: readonly number[]): number {
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
}

/** Of each row of `a` with that of `b`. */
function leastCosine(a: Float32Array, b: Float32Array, channels: number): number {
  let least = 1;
  for (let start = 0; start < a.length; start += channels) {
    let [ab, aa, bb] = [0, 0, 0];
    for (let i = start; i < start + channels; i++) {
      ab += a[i]! * b[i]!;
      aa += a[i]! ** 2;
      bb += b[i]! ** 2;
    }
    least = Math.min(least, ab / Math.sqrt(aa * bb));
  }
  return least;
}

async function told(program: string, args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run({ program, args: [...args] });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
