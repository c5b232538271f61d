/**
 * On a GPU: groups of what is compiled, side by side, and then timed, alone on the card; the most important
 * first. A run that is cut off has told what came before.
 */
import { join } from "node:path";
import { boundedStep } from "./bounds.js";
import type { Context } from "./context.js";
import { checkedStep, readReferences } from "./references.js";
import type { StepRequest } from "./step.js";
import { variants } from "./variants.js";

const train: StepRequest = boundedStep;
const train512: StepRequest = { ...train, batch: 512 };
const evaluation: StepRequest = { ...train, mode: "eval" };
const evaluation512: StepRequest = { ...train512, mode: "eval" };

/** Micro-batches near the largest that fit 80 GB, by what XLA said of them when it compiled them ahead. */
const large: StepRequest = { ...train, model: "R152x4", batch: 52, size: 480 };
const largest: StepRequest = { ...large, batch: 120, remat: true };

/** For PyTorch: the first of them that fits is measured. */
const batches = "52,44,36,28,20,16,12,8";

/** The same plan in little, to see on a machine without a GPU that all of it works. */
function little(request: StepRequest): StepRequest {
  return { ...request, model: "R14x0.5", size: 32, batch: request.batch > 128 ? 4 : 2 };
}

class GpuPlan {
  constructor(private readonly context: Context) {}

  /** Both sides at 128 px, training and evaluation; the product's numbers against the CPU's. */
  async speed(): Promise<void> {
    const { context } = this;
    // PyTorch's compiler takes longest, and mostly the processor: it begins at once.
    const warm = (name: string, request: StepRequest, settings: string) =>
      this.torch(`warm ${name}`, 150, request, settings, "--warm");
    const begun = [
      warm("train 128", train, "graph,whole"),
      warm("train 512", train512, "graph,whole"),
      warm("eval 128", evaluation, "graph"),
      warm("eval 512", evaluation512, "graph"),
    ];
    // XLA tries convolutions on the card: the step that counts most has it for itself.
    await this.compile("train 128", train, { dump: join(context.work, "dump") });
    const others = async () => {
      await this.compile("train 512", train512);
      await this.compile("eval 128", evaluation);
      await this.compile("eval 512", evaluation512);
    };
    await Promise.all([...begun, others(), this.correct()]);
    await this.measure("train 128", train);
    await this.torch("torch train 128", 60, train, "graph,whole");
    await this.measure("train 512", train512);
    await this.torch("torch train 512", 60, train512, "graph,whole");
    await this.measure("eval 128", evaluation);
    await this.torch("torch eval 128", 40, evaluation, "graph");
    await this.measure("eval 512", evaluation512);
    await this.torch("torch eval 512", 40, evaluation512, "graph");
  }

  private correct(): Promise<boolean> {
    const task = {
      part: "correct",
      name: "correct",
      request: checkedStep,
      ...readReferences(),
    } as const;
    return this.context.ours(120, task);
  }

  /** A card that is full. */
  async limits(): Promise<void> {
    // A machine's own memory is not to be filled.
    if (!this.context.gpu) return;
    const kept = this.kept("train 128");
    await this.context.ours(90, { part: "limits", name: "limits", request: train, kept });
  }

  /** The largest network at its largest batch. */
  async large(): Promise<void> {
    await this.compile("R152x4 remat", largest);
    await this.measure("R152x4 remat", largest, 60);
    const more = ["--batch", batches, "--windows", "5"];
    await this.torch("torch R152x4", 120, large, "eager,regional", ...more);
    await this.compile("R152x4", large);
    await this.measure("R152x4", large, 60);
  }

  /** XLA's settings, on the step at batch 128. */
  async settings(): Promise<void> {
    for (const { name, flags } of variants) {
      await this.compile(name, train, { flags });
      await this.measure(name, train, 30, name);
    }
  }

  /** The step's kernels by time. */
  async kernels(): Promise<void> {
    const { out } = this.context;
    const args = [this.kept("train 128"), "30", join(out, "kernels.txt")];
    await this.context.script(60, "kernels", "kernels.py", args);
  }

  /** What else PyTorch can be told to do. */
  async torches(): Promise<void> {
    await this.torch("torch others", 90, train, "graph-nchw,compile,eager,eager-nchw");
    await this.torch("torch others 512", 60, train512, "compile,eager");
    await this.torch("torch max", 240, train, "max");
  }

  private kept(name: string): string {
    return join(this.context.work, name.replaceAll(/\W+/g, "-"));
  }

  private request(request: StepRequest): StepRequest {
    return this.context.gpu ? request : little(request);
  }

  private compile(
    name: string,
    asked: StepRequest,
    more: Parameters<Context["ours"]>[2] = {},
  ): Promise<boolean> {
    const [request, kept] = [this.request(asked), this.kept(name)];
    return this.context.ours(
      150,
      { part: "compile", name: `compile ${name}`, request, kept },
      more,
    );
  }

  private measure(
    name: string,
    asked: StepRequest,
    limit = 30,
    setting?: string,
  ): Promise<boolean> {
    const [request, kept] = [this.request(asked), this.kept(name)];
    const task = { part: "speed", name, request, kept } as const;
    return this.context.ours(limit, setting === undefined ? task : { ...task, setting });
  }

  /** PyTorch at the same size; `more` are further flags of torch_gpu.py. */
  private torch(
    name: string,
    limit: number,
    asked: StepRequest,
    settings: string,
    ...more: string[]
  ): Promise<boolean> {
    const { model, mode, batch, size } = this.request(asked);
    const flags = { part: name, model, mode, batch: String(batch), size: String(size), settings };
    const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    if (!this.context.gpu) more.push("--device", "cpu", "--seconds", "0.01");
    const nice = more.includes("--warm") ? 10 : 0;
    return this.context.script(limit, name, "torch_gpu.py", [...args, ...more], nice);
  }
}

/** The groups, in the order of their importance. */
export const groups = ["speed", "limits", "large", "settings", "kernels", "torches"] as const;

export type Group = (typeof groups)[number];

export async function gpuPlan(context: Context, chosen: readonly Group[]): Promise<void> {
  const plan = new GpuPlan(context);
  for (const group of chosen) await plan[group]();
}
