/** What one process found of one thing. */

/** The part of a report that all tables read. Its names are those of `bit-bench --json`. */
export interface Report {
  /** Wall time of every timed step, in order. A step may be a window of several batches, or a read. */
  readonly steps_ms: readonly number[];
  /** Processor time of each step, over all threads of the process. */
  readonly steps_cpu_ms?: readonly number[];
  /** Images a step; 1 where a step is no matter of images. */
  readonly batch: number;
  /** Part of all cores' time that other programs took during the timed steps, from 0 to 1. */
  readonly other_cpu_share?: number;
  /** The most memory that the process had, from its start. */
  readonly peak_rss_bytes?: number;
}

/** Why there is no report. */
export interface Missing {
  readonly missing: string;
}

/** What came of one process. */
export type Outcome = Report | Missing;
