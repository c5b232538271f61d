/** What one part of the check is told, and how it answers. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { CompileOptions, PjrtClient, PjrtProgram } from "../../src/engine/pjrt/client.js";
import { flagsFor } from "../../src/engine/xla/xla-flags.js";
import { tell } from "./finding.js";
import { type LoweredStep, lowerStep, type StepRequest } from "./step.js";

export interface PartTask {
  readonly part: "correct" | "compile" | "speed" | "limits" | "ahead";
  /** What the report calls it. */
  readonly name: string;
  readonly plugin: string;
  readonly gpu: boolean;
  readonly request: StepRequest;
  /** Where the compiled program is kept. */
  readonly kept?: string;
  /** Where XLA writes what it made of the program. */
  readonly dump?: string;
  /** XLA's settings instead of the product's. */
  readonly flags?: NonNullable<CompileOptions["flags"]>;
  /** What the report calls these settings. */
  readonly setting?: string;
  /** Losses of five steps in the CPU's engine. */
  readonly losses?: readonly number[];
  /** The card's description, where it is not there. */
  readonly target?: string;
}

export interface CompiledStep {
  readonly lowered: LoweredStep;
  readonly program: PjrtProgram;
  /** That compiling took, when it was done. */
  readonly seconds: number;
}

export function check({ name }: PartTask, what: string, ok: boolean, detail: string): void {
  tell({ kind: "check", part: name, what, ok, detail });
}

export function note({ name }: PartTask, text: string): void {
  tell({ kind: "note", part: name, text });
}

/** Compiles a step, and keeps the program where the task says so. */
export async function compileStep(
  client: PjrtClient,
  task: PartTask,
  request: StepRequest = task.request,
): Promise<CompiledStep> {
  const lowered = await lowerStep(request);
  const start = performance.now();
  const program = await client.compile(lowered.text, {
    flags: task.flags ?? flagsFor(client.platform),
  });
  const seconds = (performance.now() - start) / 1000;
  const { kept, dump } = task;
  if (kept !== undefined) {
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, await program.serialize());
    if (dump !== undefined) writeFileSync(`${kept}.mlir`, lowered.text);
    const { inputs, donated } = lowered;
    writeFileSync(`${kept}.json`, JSON.stringify({ seconds, inputs, state: donated.length }));
  }
  return { lowered, program, seconds };
}

/** Takes the kept program where there is one. */
export async function loadStep(
  client: PjrtClient,
  task: PartTask,
): Promise<CompiledStep & { readonly keptBytes?: number }> {
  const kept = readIf(task.kept);
  if (kept === undefined) return compileStep(client, task);
  const lowered = await lowerStep(task.request);
  const program = await client.load(kept, undefined, lowered.text);
  const { seconds } = JSON.parse(readFileSync(`${task.kept}.json`, "utf8")) as { seconds: number };
  return { lowered, program, seconds, keptBytes: kept.length };
}

export function readIf(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
