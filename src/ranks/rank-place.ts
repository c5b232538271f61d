/** Where a process is among those that train together. */
export interface RankPlace {
  /** From 0; the process of rank 0 keeps the run's files. */
  readonly rank: number;
  /** How many processes there are. */
  readonly ranks: number;
}

/** A process by itself. */
export const alone: RankPlace = { rank: 0, ranks: 1 };

/** At most so many train together: each has a connection to every other. */
export const mostRanks = 4096;
