/** Without a GPU: everything on the CPU plugin in small, and the step compiled for an H100. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../src/package-root.js";
import { boundedRun } from "./bounds.js";
import type { Context } from "./context.js";
import { ask, cachedPlugin } from "./places.js";
import { checkedStep, readReferences } from "./references.js";
import type { StepRequest } from "./step.js";

export async function cpuPlan(context: Context): Promise<void> {
  const { work, python } = context;
  const small: StepRequest = { ...checkedStep, type: "bfloat16" };
  await context.ours(300, {
    part: "correct",
    name: "correct",
    request: checkedStep,
    ...readReferences(),
  });
  const kept = join(work, "small");
  await context.ours(120, { part: "compile", name: "compile", request: small, kept });
  await context.ours(60, { part: "speed", name: "train", request: small, kept });
  const evaluation: StepRequest = { ...small, mode: "eval" };
  await context.ours(120, { part: "speed", name: "eval", request: evaluation });
  if (ask(python, ["-c", "import torch"]) !== undefined) {
    for (const mode of ["train", "eval"]) {
      const args = [
        "--device",
        "cpu",
        "--part",
        `torch ${mode}`,
        "--model",
        small.model,
        "--mode",
        mode,
        "--batch",
        "8",
        "--size",
        "32",
      ];
      await context.script(120, `torch ${mode}`, "torch_gpu.py", [
        ...args,
        "--settings",
        "eager,eager-nchw",
        "--seconds",
        "0.1",
      ]);
    }
  } else {
    context.note("torch", `left out: ${python} has no PyTorch`);
  }
  const cuda = cachedPlugin("cuda");
  if (cuda === undefined) {
    context.note("ahead", "left out: no CUDA plugin was found");
    return;
  }
  const target = readFileSync(join(packageRoot, "bench/gpu/h100.txtpb"), "utf8");
  await context.ours(400, {
    part: "ahead",
    name: "ahead",
    plugin: cuda,
    request: boundedRun,
    target,
  });
}
