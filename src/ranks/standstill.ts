/** What becomes of a process that has stood still: it asks the others whether they have gone on without it. */
import type { Peer } from "./peer.js";
import type { Pulse } from "./pulse.js";

export class Standstill {
  /** Who has not answered yet; undefined: there is no question. */
  private asked: Set<Peer> | undefined;

  /**
   * @param pulse that this thread gives
   * @param peers all that this process has met
   */
  constructor(
    private readonly pulse: Pulse,
    private readonly peers: ReadonlyMap<number, Peer>,
  ) {}

  /** Whether the others may have gone on: if one is lost now, it is for that. */
  get unsure(): boolean {
    return this.asked !== undefined || this.pulse.paused;
  }

  /**
   * To be called every so often: gives the pulse, and after a pause once all others have said that they count on this process.
   * One that does not is not there any more, or says so.
   * @returns false where it is too late for that
   */
  watch(): boolean {
    if (!this.pulse.paused) this.pulse.give();
    else if (this.pulse.over) return false;
    else if (this.asked === undefined) this.ask();
    return true;
  }

  private ask(): void {
    const asked = new Set(this.peers.values());
    this.asked = asked;
    const settle = () => {
      if (asked.size > 0 || this.pulse.over) return;
      this.asked = undefined;
      this.pulse.give();
    };
    for (const peer of this.peers.values())
      peer.ask(() => {
        asked.delete(peer);
        settle();
      });
    settle();
  }
}
