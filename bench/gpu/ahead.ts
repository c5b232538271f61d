/** Compiles a step for a card that is not there, and reads what XLA made of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileAhead } from "../../src/engine/pjrt/client.js";
import { type HloCost, readHlo } from "./hlo-traffic.js";
import { lowerStep, type StepRequest } from "./step.js";

export interface AheadCost extends HloCost {
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
export function readDump(folder: string): HloCost | undefined {
  const name = readdirSync(folder)
    .filter((file) => file.endsWith("gpu_after_optimizations.txt"))
    .sort()
    .at(-1);
  return name === undefined ? undefined : readHlo(readFileSync(join(folder, name), "utf8"));
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
    const program = await compileAhead(plugin, target, text);
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
