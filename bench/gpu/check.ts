/**
 * The whole check: `node check.js [--plugin cuda|cpu] [--out FOLDER] [--seconds N] [--python python3]
 * [--groups LIST] [--only WORDS] [--rehearse]`. On a GPU it measures this project and PyTorch, for at most
 * so many seconds; `--groups` says which parts, in which order. On the CPU plugin it checks that everything
 * runs, or with `--rehearse` goes through the GPU's plan in little. The last line is `N passed, N failed`.
 */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../../src/package-root.js";
import type { Context } from "./context.js";
import { cpuPlan } from "./cpu-plan.js";
import type { Finding } from "./finding.js";
import { type Group, gpuPlan, groups } from "./gpu-plan.js";
import { endAll, type Job, runJob } from "./job.js";
import { ask, cachedPlugin, provideAddon, pythonPackages } from "./places.js";
import { lineOf, type Machine, reportLines } from "./report.js";

const { values } = parseArgs({
  options: {
    plugin: { type: "string", default: "cuda" },
    out: { type: "string", default: process.env["OUT"] ?? join(packageRoot, "bench-out/gpu") },
    seconds: { type: "string", default: "345" },
    python: { type: "string", default: "python3" },
    only: { type: "string" },
    groups: { type: "string", default: groups.join() },
    rehearse: { type: "boolean", default: false },
  },
});

const began = performance.now();
const elapsed = () => (performance.now() - began) / 1000;
const gpu = values.plugin !== "cpu";
const out = resolve(values.out);
const work = join(out, "work");
mkdirSync(work, { recursive: true });
const log = join(out, "check.log");
writeFileSync(log, "");
const findings: Finding[] = [];
const end = Number(values.seconds);

const python = pythonPackages(values.python);
const plugin =
  values.plugin === "cuda"
    ? (python.plugin ?? cachedPlugin("cuda"))
    : values.plugin === "cpu"
      ? cachedPlugin("cpu")
      : values.plugin;
if (plugin === undefined) {
  console.log(`No ${values.plugin} plugin was found.\n0 passed, 1 failed`);
  process.exit(1);
}
if (gpu && python.libraries.length > 0) {
  process.env["LD_LIBRARY_PATH"] = [...python.libraries, process.env["LD_LIBRARY_PATH"] ?? ""].join(
    ":",
  );
}
process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2";
process.env["PYTHONUNBUFFERED"] = "1";

const card = (
  ask("nvidia-smi", ["--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]) ??
  "no card,,"
).split(",");
const machine: Machine = {
  card: gpu ? `${card[0]!.trim()} (${card[2]!.trim()})` : "The CPU plugin, on no GPU",
  driver: card[1]!.trim(),
  versions: `Node ${process.version}, ${ask(values.python, ["-c", "import torch; print('PyTorch', torch.__version__)"]) ?? "no PyTorch"}, ${ask(values.python, ["-c", "import importlib.metadata as m; print('jax-cuda13-pjrt', m.version('jax-cuda13-pjrt'))"]) ?? "plugin of unknown version"}`,
  date: new Date().toISOString().slice(0, 10),
};
console.log(`${machine.card}, driver ${machine.driver}, ${machine.versions}\nplugin ${plugin}`);

function add(finding: Finding): void {
  findings.push(finding);
  const line = `${elapsed().toFixed(0).padStart(4)} s ${lineOf(finding)}`;
  console.log(line);
  appendFileSync(log, `${line}\n`);
  save();
}

function save(): void {
  const lines = reportLines(machine, findings, elapsed());
  writeFileSync(join(out, "GPU.md"), lines.join("\n"));
  writeFileSync(join(out, "gpu.json"), JSON.stringify({ machine, findings }, null, 1));
}

async function run(job: Job): Promise<boolean> {
  if (values.only !== undefined && !job.name.includes(values.only)) return false;
  const left = end - elapsed();
  if (left < Math.min(8, job.limit)) {
    add({ kind: "note", part: job.name, text: "left out: the time has gone" });
    return false;
  }
  const listener = {
    finding: add,
    line: (name: string, line: string) => appendFileSync(log, `${name}: ${line.slice(0, 2000)}\n`),
  };
  const { seconds, trouble } = await runJob({ ...job, limit: Math.min(job.limit, left) }, listener);
  if (trouble !== undefined) {
    // A setting of PyTorch's or a part that the time cut short is no failure of ours.
    const theirs = job.command === values.python || trouble.startsWith("not finished");
    if (theirs) add({ kind: "note", part: job.name, text: trouble });
    else add({ kind: "check", part: job.name, what: "runs", ok: false, detail: trouble });
  }
  console.log(`${elapsed().toFixed(0).padStart(4)} s == ${job.name}: ${seconds.toFixed(1)} s`);
  return trouble === undefined;
}

const context: Context = {
  ...{ gpu, plugin, python: values.python, work, out, elapsed },
  ours(limit, task, { nice = 0, ...more } = {}) {
    const whole = { plugin, gpu, ...task, ...more };
    const args = [join(import.meta.dirname, "part.js"), JSON.stringify(whole)];
    return run({ name: task.name, command: process.execPath, args, limit, nice });
  },
  script(limit, name, file, args, nice = 0) {
    const path = join(packageRoot, "bench/gpu", file);
    const env = { BIT_TORCH_MODEL: join(packageRoot, "bench/torch") };
    return run({ name, command: values.python, args: [path, ...args], env, limit, nice });
  },
  note: (part, text) => add({ kind: "note", part, text }),
};

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    endAll();
    process.exit(130);
  });
}
provideAddon(join(work, "cache"));
const asked = values.groups.split(",");
const chosen = asked.map((name): Group => {
  const group = groups.find((one) => one === name);
  if (group === undefined) throw new Error(`--groups ${name}: one of ${groups.join()}`);
  return group;
});
await (gpu || values.rehearse ? gpuPlan(context, chosen) : cpuPlan(context));
endAll();
save();
const programs = join(work, "dump");
try {
  for (const file of readdirSync(programs).filter((name) =>
    name.endsWith("gpu_after_optimizations.txt"),
  )) {
    copyFileSync(join(programs, file), join(out, "optimized-hlo.txt"));
  }
} catch {
  // No program was written.
}
const checks = findings.filter((finding) => finding.kind === "check");
const passed = checks.filter(({ ok }) => ok).length;
if (gpu) console.log(readFileSync(join(out, "GPU.md"), "utf8"));
console.log(`${passed} passed, ${checks.length - passed} failed`);
process.exit(passed === checks.length && passed > 0 ? 0 : 1);
