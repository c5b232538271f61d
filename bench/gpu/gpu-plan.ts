/**
 * On a GPU: first all that compiles, side by side; then what is timed, alone on the card, the most important
 * first. A run that is cut off has told what came before.
 */
import { join } from "node:path";
import type { Context } from "./check.js";
import { readReferences } from "./references.js";
import type { StepRequest } from "./step.js";
import { variants } from "./variants.js";

const small: StepRequest = { model: "R14x0.5", mode: "train", batch: 8, size: 32, type: "float32" };
const train: StepRequest = {
  model: "R50x1",
  mode: "train",
  batch: 128,
  size: 128,
  type: "bfloat16",
};
const train512: StepRequest = { ...train, batch: 512 };
const evaluation: StepRequest = { ...train, mode: "eval" };
const evaluation512: StepRequest = { ...train512, mode: "eval" };

/** Micro-batches near the largest that fit 80 GB, by what XLA said of them when it compiled them ahead. */
const large: StepRequest = {
  model: "R152x4",
  mode: "train",
  batch: 44,
  size: 480,
  type: "bfloat16",
};
const largest: StepRequest = { ...large, batch: 104, remat: true };

/** Seconds after the start when whatever still compiles is ended. */
const compiledByGpu = 130;

/** The same plan in little, to see on a machine without a GPU that all of it works. */
function little(request: StepRequest): StepRequest {
  return { ...request, model: "R14x0.5", size: 32, batch: request.batch > 128 ? 4 : 2 };
}

export async function gpuPlan(context: Context): Promise<void> {
  const { work, out, gpu } = context;
  const compiledBy = gpu ? compiledByGpu : 10 * compiledByGpu;
  const at = (name: string) => join(work, name.replaceAll(/\W+/g, "-"));
  const torch = (
    name: string,
    limit: number,
    request: StepRequest,
    settings: string,
    ...more: string[]
  ) => {
    const { model, mode, batch, size } = gpu ? request : little(request);
    const device = gpu ? [] : ["--device", "cpu", "--seconds", "0.01"];
    const what = [
      "--model",
      model,
      "--mode",
      mode,
      "--batch",
      String(batch),
      "--size",
      String(size),
    ];
    const args = ["--part", name, ...what, "--settings", settings, ...more, ...device];
    return context.script(limit, name, "torch_gpu.py", args, more.includes("--warm") ? 10 : 0);
  };
  const compile = (name: string, asked: StepRequest, more: Parameters<Context["ours"]>[2] = {}) => {
    const limit = Math.max(1, compiledBy - context.elapsed());
    const request = gpu ? asked : little(asked);
    return context.ours(
      limit,
      { part: "compile", name: `compile ${name}`, request, kept: at(name) },
      more,
    );
  };
  const measure = (name: string, asked: StepRequest, limit = 30, setting?: string) => {
    const request = gpu ? asked : little(asked);
    const task = { part: "speed", name, request, kept: at(name) } as const;
    return context.ours(limit, setting === undefined ? task : { ...task, setting });
  };

  // The step that counts most is compiled first; what runs beside it uses the processor at that time.
  const warm = (name: string, request: StepRequest, settings: string) =>
    torch(`warm ${name}`, compiledBy, request, settings, "--warm");
  const first = [
    warm("train 128", train, "graph,whole"),
    warm("train 512", train512, "graph,whole"),
    warm("eval 128", evaluation, "graph"),
    warm("eval 512", evaluation512, "graph"),
    warm("train 128 nchw", train, "graph-nchw"),
    warm("train 128 max", train, "max"),
    compile("R152x4 remat", largest, { nice: 5 }),
    compile("R152x4", large, { nice: 5 }),
  ];
  await compile("train 128", train, { dump: join(work, "dump") });
  const second = [
    compile("train 512", train512),
    compile("eval 128", evaluation),
    compile("eval 512", evaluation512),
    ...variants.map(({ name, flags }) => compile(name, train, { flags, nice: 2 })),
    context.ours(100, { part: "correct", name: "correct", request: small, ...readReferences() }),
  ];
  await Promise.all([...first, ...second]);

  // From here on one thing at a time.
  await measure("train 128", train);
  const [oneGraph, ...others] = variants.map(({ name }) => name);
  await measure(oneGraph!, train, 30, oneGraph);
  await torch("torch train 128", 60, train, "graph,whole");
  await measure("train 512", train512);
  await torch("torch train 512", 50, train512, "graph,whole");
  await measure("eval 128", evaluation);
  await torch("torch eval 128", 30, evaluation, "graph");
  await measure("eval 512", evaluation512);
  await torch("torch eval 512", 30, evaluation512, "graph");
  // A machine's own memory is not to be filled.
  if (gpu)
    await context.ours(30, {
      part: "limits",
      name: "limits",
      request: train,
      kept: at("train 128"),
    });
  for (const name of others) await measure(name, train, 20, name);
  await measure("R152x4 remat", largest, 50);
  await measure("R152x4", large, 40);
  await torch(
    "torch R152x4",
    70,
    large,
    "regional,eager",
    "--batch",
    "44,36,28,20,16,12,8",
    "--windows",
    "5",
  );
  await context.script(45, "kernels", "kernels.py", [
    at("train 128"),
    "30",
    join(out, "kernels.txt"),
  ]);
  await torch("torch max", 60, train, "max");
  await torch("torch others", 60, train, "graph-nchw,compile,eager");
  await torch("torch eager 512", 40, train512, "eager");
}
