/** What waits is bounded: images on their way to the network, and bytes of requests that are held. */
import { counted } from "../counted.js";
import { Refusal } from "./refusal.js";

/** Images that wait or are computed. */
export class WaitingRoom {
  private count = 0;
  private readonly done: { readonly at: number; readonly images: number }[] = [];

  /** @param most images at a time */
  constructor(private readonly most: number) {}

  /** Images that wait or are computed now. */
  get images(): number {
    return this.count;
  }

  /** @throws Refusal 503 where it is full, before a request's body is read */
  requireRoom(): void {
    if (this.count >= this.most) throw this.full();
  }

  /**
   * Computes something of images, which have room until it is done.
   * @throws Refusal 503 where there is no room for all of them; 413 where there never is; and what computing
   *   throws
   */
  async during<T>(images: number, compute: () => Promise<T>): Promise<T> {
    if (images > this.most)
      throw new Refusal(413, {
        error: `${counted(images, "image")} in one request`,
        expected: `at most ${this.most} (--max_waiting)`,
      });
    if (this.count + images > this.most) throw this.full();
    this.count += images;
    try {
      return await compute();
    } finally {
      this.count -= images;
      this.done.push({ at: performance.now(), images });
      if (this.done.length > rememberedRequests) this.done.shift();
    }
  }

  private full(): Refusal {
    const error = `${this.count} images wait already`;
    return new Refusal(
      503,
      { error, expected: `fewer than ${this.most} at a time (--max_waiting); try again` },
      { "retry-after": `${this.secondsUntilFree()}` },
    );
  }

  /** In how many seconds what waits now will be done, as fast as it went of late: 1 to 60. */
  private secondsUntilFree(): number {
    const [first] = this.done;
    if (first === undefined) return 1;
    const elapsedMs = performance.now() - first.at;
    const images = this.done.reduce((sum, { images }) => sum + images, 0);
    return Math.min(60, Math.max(1, Math.ceil((this.count / images) * (elapsedMs / 1000))));
  }
}

const rememberedRequests = 64;

/** Bytes of bodies, of all requests together. */
export class BodyMemory {
  private bytes = 0;

  /** @param most bytes at a time */
  constructor(private readonly most: number) {}

  get heldBytes(): number {
    return this.bytes;
  }

  /** Room for one request's body; `release` it when its bytes are needed no more. */
  hold(): HeldBytes {
    let held = 0;
    const grow = (to: number) => {
      const more = Math.max(0, to - held);
      if (this.bytes + more > this.most)
        throw new Refusal(
          503,
          { error: "too many bytes of other requests are held", expected: "try again" },
          { "retry-after": "1" },
        );
      this.bytes += more;
      held += more;
    };
    const release = () => {
      this.bytes -= held;
      held = 0;
    };
    return { grow, release };
  }
}

export interface HeldBytes {
  /** @throws Refusal 503 where there is no room for so many bytes */
  grow(to: number): void;
  release(): void;
}
