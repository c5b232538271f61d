/** Measures a suite's rows in turn, each in a process of its own, so that peaks of memory are its own. */
import { spawn } from "node:child_process";
import type { BenchReport } from "./measure.js";
import { type RowOutcome, rowFlags, type Suite, type SuiteRow } from "./suite.js";

/** What a suite found: for each row, what came of it in each round. */
export interface SuiteOutcome {
  readonly suite: Suite;
  readonly outcomes: readonly (readonly RowOutcome[])[];
  /** Of the first report: machine, engine and device are the same for all. */
  readonly machine: BenchReport;
}

/**
 * Runs all rounds, as far as the suite's time allows, and at least one.
 * @param script bin/bit-bench.js
 * @param onOutcome called after each row of each round
 * @throws Error where a benchmark fails; one that is killed, as for want of memory, is only missing
 */
export async function runSuite(
  suite: Suite,
  script: string,
  onOutcome: (row: SuiteRow, outcome: RowOutcome, round: number) => void,
): Promise<SuiteOutcome> {
  const start = performance.now();
  const outcomes: RowOutcome[][] = suite.rows.map(() => []);
  let machine: BenchReport | undefined;
  for (let round = 0; round < suite.rounds; round++) {
    const elapsed = performance.now() - start;
    if (round > 0 && (elapsed * (round + 1)) / round > suite.limitMs) break;
    for (const [i, row] of suite.rows.entries()) {
      const outcome: RowOutcome =
        row.precision === "bf16" && machine !== undefined && !multipliesBfloat16(machine)
          ? { missing: "left out: this device does not multiply bfloat16 itself" }
          : await runRow(suite, row, script);
      if (!("missing" in outcome)) machine ??= outcome;
      outcomes[i]!.push(outcome);
      onOutcome(row, outcome, round);
    }
  }
  if (machine === undefined) throw new Error("no benchmark came to an end");
  return { suite, outcomes, machine };
}

function multipliesBfloat16({ device, cpu_bf16 }: BenchReport): boolean {
  return device === "GPU" || cpu_bf16;
}

async function runRow(suite: Suite, row: SuiteRow, script: string): Promise<RowOutcome> {
  const child = spawn(process.execPath, [script, ...rowFlags(suite, row)], {
    env: { ...process.env, ...row.environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [status, signal]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...end) => resolve(end));
    }),
  ]);
  if (signal !== null)
    return { missing: `ended by ${signal}${signal === "SIGKILL" ? ": too little memory?" : ""}` };
  if (status !== 0) throw new Error(`bit-bench ended with ${status}:\n${err}`);
  return JSON.parse(out) as BenchReport;
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
