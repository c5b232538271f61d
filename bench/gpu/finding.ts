/** What a part of the check has to say: one line of JSON each, on standard output after `@ `. */
export type Finding =
  /** Something that holds or does not. */
  | {
      readonly kind: "check";
      readonly part: string;
      readonly what: string;
      readonly ok: boolean;
      readonly detail: string;
    }
  /** Something measured. */
  | ({ readonly kind: "figure"; readonly part: string } & Figure)
  /** Something to know, such as why a part was left out. */
  | { readonly kind: "note"; readonly part: string; readonly text: string };

/** One contestant's speed at one size. */
export interface Figure {
  /** `bit-train` or `torch`. */
  readonly side: string;
  /** How: `default`, a list of flags, or a setting of PyTorch's. */
  readonly setting: string;
  readonly model: string;
  readonly mode: string;
  readonly batch: number;
  readonly size: number;
  readonly type: string;
  /** Milliseconds a step, one value a window. */
  readonly ms: readonly number[];
  readonly peakBytes?: number | undefined;
  /** Seconds from nothing, or from the kept program, to the first step's result. */
  readonly firstSeconds?: number | undefined;
  readonly compileSeconds?: number | undefined;
  /** Milliseconds of the host's in which a step is enqueued. */
  readonly enqueueMs?: number | undefined;
  readonly kernels?: number | undefined;
  readonly trafficBytes?: number | undefined;
  readonly lastResult?: number | undefined;
}

export const mark = "@ ";

/** A line that is a finding, or undefined. */
export function readFinding(line: string): Finding | undefined {
  if (!line.startsWith(mark)) return undefined;
  try {
    return JSON.parse(line.slice(mark.length)) as Finding;
  } catch {
    return undefined;
  }
}

/** Prints a finding. */
export function tell(finding: Finding): void {
  process.stdout.write(`${mark}${JSON.stringify(finding)}\n`);
}
