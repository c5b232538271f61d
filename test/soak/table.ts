/**
 * What the soak tests count, joined over their processes: each adds a line to the file that
 * BIT_SOAK_REPORT names, and `npm run test:soak` prints the sums as a table.
 */
import { appendFileSync } from "node:fs";

/** The rows of the table, in order. */
export const rows = {
  faultsTried: "faults tried",
  faultsSurvived: "faults survived",
  stepsLost: "work lost (steps)",
  filesTried: "bad files tried",
  filesRefused: "bad files refused cleanly",
  filesCrashed: "bad files that crashed",
} as const;

export type SoakCounts = Partial<Record<keyof typeof rows, number>>;

/** Whether all is tried that takes long: `npm run test:soak`, not `npm test`. */
export const thorough = Boolean(process.env["BIT_SOAK_REPORT"]);

/** Adds counts to the report, where there is one. */
export function report(counts: SoakCounts): void {
  const path = process.env["BIT_SOAK_REPORT"];
  if (path) appendFileSync(path, `${JSON.stringify(counts)}\n`);
}

/** The sums of a report's lines as a table; a row that nobody counted has a dash. */
export function soakTable(text: string): string {
  const counts = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SoakCounts);
  const lines = Object.entries(rows).map(([key, label]) => {
    const known = counts.flatMap((count) => count[key as keyof typeof rows] ?? []);
    const sum = known.length === 0 ? "-" : String(known.reduce((a, b) => a + b, 0));
    return `${label.padEnd(26)}${sum.padStart(10)}`;
  });
  return lines.join("\n");
}
