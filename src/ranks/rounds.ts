/** Rounds in which every rank has something for all, as rank 0 collects them: a fast rank may be a round ahead. */
export class Rounds {
  private readonly shares: { readonly value: unknown; readonly last: boolean }[][];

  /** Of all who take part. */
  readonly ranks: readonly number[];

  constructor(ranks: number) {
    this.ranks = Array.from({ length: ranks }, (_, rank) => rank);
    this.shares = this.ranks.map(() => []);
  }

  /** Takes what a rank has. @returns what all have, in their order, where the round is complete by it */
  add(rank: number, value: unknown, last: boolean) {
    this.shares[rank]!.push({ value, last });
    if (this.shares.some((waiting) => waiting.length === 0)) return undefined;
    const round = this.shares.map((waiting) => waiting.shift()!);
    const values = round.map((one) => one.value);
    return { type: "shared", values, last: round[0]!.last } as const;
  }
}
