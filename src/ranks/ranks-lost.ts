/** What ends all processes of a training where one has ended. Commands know it before they load what trains. */

/** Another process has ended or is not heard of: this one cannot go on without it. */
export class RanksLost extends Error {
  override readonly name = "RanksLost";

  /** @param mistake whether the same would come of it again; otherwise, starting all again may help */
  constructor(
    message: string,
    readonly mistake: boolean,
  ) {
    super(message);
  }
}
