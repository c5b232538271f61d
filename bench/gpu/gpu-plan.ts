/** On a GPU: first all that compiles, side by side; then what is timed, alone on the card, the most important first. */
import { join } from "node:path";
import type { Context } from "./check.js";
import { readReferences } from "./references.js";
import type { StepRequest } from "./step.js";
import { variants } from "./variants.js";

const r50: StepRequest = { model: "R50x1", mode: "train", batch: 128, size: 128, type: "bfloat16" };

/** Micro-batches of R152x4 at 480 px: the largest that fit 80 GB by what XLA said when it compiled them ahead. */
const largest: StepRequest = {
  model: "R152x4",
  mode: "train",
  batch: 40,
  size: 480,
  type: "bfloat16",
};

export async function gpuPlan(context: Context): Promise<void> {
  const { work, out } = context;
  const at = (name: string) => join(work, name);
  const steps: readonly (readonly [string, StepRequest])[] = [
    ["train 512", { ...r50, batch: 512 }],
    ["eval 128", { ...r50, mode: "eval" }],
    ["eval 512", { ...r50, mode: "eval", batch: 512 }],
    ["R152x4 remat", { ...largest, batch: 88, remat: true }],
    ["R152x4", largest],
  ];

  // Compiling. PyTorch's processes fill its compiler's cache; the step that counts most is alone with them.
  const until = 135;
  const rest = () => Math.max(1, until - context.elapsed());
  const torch = (
    name: string,
    limit: number,
    mode: string,
    batch: string,
    settings: string,
    ...more: string[]
  ) =>
    context.script(limit, name, "torch_gpu.py", [
      "--part",
      name,
      "--mode",
      mode,
      "--batch",
      batch,
      "--settings",
      settings,
      ...more,
    ]);
  const warm = [
    torch("warm train 128", until, "train", "128", "graph,compile", "--warm"),
    torch("warm train 128 nchw", until, "train", "128", "graph-nchw", "--warm"),
    torch("warm train 512", until, "train", "512", "graph,compile", "--warm"),
    torch("warm eval 128", until, "eval", "128", "graph", "--warm"),
    torch("warm eval 512", until, "eval", "512", "graph", "--warm"),
    torch("warm max train 128", until, "train", "128", "max", "--warm"),
  ];
  await context.ours(100, {
    part: "compile",
    name: "compile train 128",
    request: r50,
    kept: at("train 128"),
    dump: at("dump"),
  });
  const ours = [
    context.ours(rest(), {
      part: "correct",
      name: "correct",
      request: { ...r50, model: "R14x0.5", batch: 8, size: 32, type: "float32" },
      ...readReferences(),
    }),
    ...steps.map(([name, request]) =>
      context.ours(rest() + (name.startsWith("R152") ? 60 : 0), {
        part: "compile",
        name: `compile ${name}`,
        request,
        kept: at(name),
      }),
    ),
    ...variants.map(({ name, flags }) =>
      context.ours(
        rest(),
        { part: "compile", name: `compile ${name}`, request: r50, kept: at(name) },
        flags,
      ),
    ),
  ];
  await Promise.all([...warm, ...ours]);

  // Measuring, one at a time.
  const speed = (name: string, request: StepRequest, flags?: string, setting?: string) =>
    context.ours(
      60,
      {
        part: "speed",
        name,
        request,
        kept: at(name),
        ...(setting === undefined ? {} : { setting }),
      },
      flags,
    );
  await speed("train 128", r50);
  await torch("torch train 128", 60, "train", "128", "graph,whole");
  const named = new Map(steps);
  await speed("train 512", named.get("train 512")!);
  await torch("torch train 512", 50, "train", "512", "graph,whole");
  await speed("eval 128", named.get("eval 128")!);
  await torch("torch eval 128", 30, "eval", "128", "graph");
  await speed("eval 512", named.get("eval 512")!);
  await torch("torch eval 512", 30, "eval", "512", "graph");
  await context.ours(30, { part: "limits", name: "limits", request: r50, kept: at("train 128") });
  for (const { name, flags } of variants) await speed(name, r50, flags, name);
  await context.script(45, "profile", "kernels.py", [
    at("train 128"),
    "30",
    join(out, "kernels.txt"),
  ]);
  await speed("R152x4 remat", named.get("R152x4 remat")!);
  await speed("R152x4", named.get("R152x4")!);
  await torch(
    "torch R152x4",
    60,
    "train",
    "40,32,24,16",
    "regional,eager",
    "--model",
    "R152x4",
    "--size",
    "480",
    "--windows",
    "5",
  );
  await torch("torch max", 60, "train", "128", "max");
  await torch("torch others", 60, "train", "128", "compile,graph-nchw,eager,eager-nchw");
  await torch("torch eager 512", 40, "train", "512", "eager,compile");
}
