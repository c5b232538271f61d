/** Things that are measured in turn, each time by a process of its own. */
import { narrowTypeOfCpu } from "../../src/engine/narrow-type.js";
import { disturbed } from "./quiet.js";
import type { Missing, Outcome } from "./report.js";

export interface Subject {
  /** Tells it from all others. */
  readonly id: string;
  /** What it is, for people who wait. */
  readonly title: string;
  /** How it differs from others that do the same, for a table. */
  readonly variant?: string;
  /** How often it is measured at most. */
  readonly rounds: number;
  /** Whether it computes in bfloat16, which is far slower than float32 where it is emulated. */
  readonly bfloat16?: boolean;
  readonly measure: () => Promise<Outcome>;
}

export interface TurnOptions {
  /** Called before each subject, as to wait until other programs are done. */
  readonly before?: () => Promise<void>;
  /** No further round begins that would probably end later than this after the start. */
  readonly limitMs: number;
  /** Called after each subject of each round. */
  readonly onOutcome: (subject: Subject, outcome: Outcome, round: number) => void;
}

/** What came of each subject in each round, by its id. */
export type Findings = ReadonlyMap<string, readonly Outcome[]>;

const noBfloat16: Missing = {
  missing:
    "left out: the processor does not multiply bfloat16 itself (no avx512_bf16, no amx_bf16)",
};

/**
 * Measures subjects in turn, in rounds, so that a slow minute of the machine meets all of them. The
 * first round is complete; of subjects with the same id the first is taken. One that other programs
 * disturbed in all of its rounds has up to twice as many.
 */
export async function measureInTurn(
  subjects: readonly Subject[],
  { before, limitMs, onOutcome }: TurnOptions,
): Promise<Findings> {
  const begun = performance.now();
  const distinct = subjects.filter(({ id }, i) => {
    return subjects.findIndex((other) => other.id === id) === i;
  });
  const findings = new Map<string, Outcome[]>(distinct.map(({ id }) => [id, []]));
  const lastMs = new Map<string, number>();
  let gpu = false;
  for (let round = 0; ; round++) {
    const due = distinct.filter(({ id, rounds }) => {
      return rounds > round || (2 * rounds > round && disturbed(findings.get(id)!));
    });
    const expectedMs = due.reduce((sum, { id }) => sum + (lastMs.get(id) ?? 0), 0);
    if (due.length === 0) return findings;
    if (round > 0 && performance.now() - begun + expectedMs > limitMs) return findings;
    for (const subject of due) {
      const emulated: boolean =
        subject.bfloat16 === true && !gpu && narrowTypeOfCpu() !== "bfloat16";
      if (!emulated) await before?.();
      const start = performance.now();
      const outcome: Outcome = emulated ? noBfloat16 : await subject.measure();
      gpu ||= "device" in outcome && outcome.device === "GPU";
      lastMs.set(subject.id, performance.now() - start);
      findings.get(subject.id)!.push(outcome);
      onOutcome(subject, outcome, round);
    }
  }
}
