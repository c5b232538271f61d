/** Compiles a step for a card that is not there, and reads what XLA made of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileAhead } from "../../src/engine/pjrt/client.js";
import { flagsFor } from "../../src/engine/xla/xla-flags.js";
import { type HloCost, readHlo } from "./hlo-traffic.js";
import { lowerStep, type StepRequest } from "./step.js";

export interface AheadCost extends HloCost {
  /** What the host starts in a step: CUDA graphs, and kernels that are in none. */
  readonly launches: number;
  readonly temporaryBytes: number;
  readonly argumentBytes: number;
  readonly aliasedBytes: number;
  readonly seconds: number;
}

/** Makes XLA write the programs that this process compiles from now on; its plugin must not be loaded yet. */
export function dumpPrograms(folder: string): void {
  const flags = [
    process.env["XLA_FLAGS"] ?? "",
    `--xla_dump_to=${folder}`,
    "--xla_dump_hlo_as_text",
  ];
  process.env["XLA_FLAGS"] = flags.join(" ").trim();
}

/** What XLA wrote last into `folder`, or undefined where it is not for a GPU. */
export function readDump(folder: string): (HloCost & { readonly launches: number }) | undefined {
  const last = (end: string) => {
    const names = readdirSync(folder).filter((file) => file.endsWith(end));
    const name = names.sort().at(-1);
    return name === undefined ? undefined : readFileSync(join(folder, name), "utf8");
  };
  const program = last("gpu_after_optimizations.txt");
  if (program === undefined) return undefined;
  const thunks = last("thunk_sequence_after_thunk_passes.txt");
  // Of the list of what is started, lines that are not indented; what a graph holds is.
  const launches = thunks === undefined ? Number.NaN : [...thunks.matchAll(/^\d+: /gm)].length;
  return { ...readHlo(program), launches };
}

/**
 * @param plugin the CUDA plugin's path
 * @param target XLA's description of the card, as text
 */
export async function costAhead(
  plugin: string,
  target: string,
  request: StepRequest,
): Promise<AheadCost> {
  const folder = mkdtempSync(join(tmpdir(), "bit-train-hlo-"));
  try {
    dumpPrograms(folder);
    const { text } = await lowerStep(request);
    const start = performance.now();
    const program = await compileAhead(plugin, target, text, { flags: flagsFor("cuda") });
    const seconds = (performance.now() - start) / 1000;
    const memory = program.memory();
    const cost = readDump(folder);
    if (cost === undefined)
      throw new Error(`XLA wrote no optimized program for a GPU into ${folder}`);
    return {
      ...cost,
      seconds,
      temporaryBytes: memory.temporary,
      argumentBytes: memory.arguments,
      aliasedBytes: memory.aliased,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
