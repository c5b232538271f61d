/** Work under way that a program follows by its events, awaits for its result, and may stop. */
import "./disposal.js";

/**
 * It has begun when it is there. `for await` gives its events, from the first on, whenever it starts;
 * `await` gives its result. `await using` stops it where the block is left before its end.
 */
export interface FollowedRun<E, R> extends AsyncIterable<E>, PromiseLike<R>, AsyncDisposable {
  /** Its result. */
  readonly done: Promise<R>;
  /** Asks it to stop; what it has done so far is kept. A second call changes nothing. */
  stop(): void;
}

/** What the work is given. */
export interface Tell<E> {
  readonly event: (event: E) => void;
  /** Aborted by the program's own signal, with its reason, or by `stop`. */
  readonly signal: AbortSignal;
}

/** Begins work. */
export function follow<E, R>(
  work: (tell: Tell<E>) => Promise<R>,
  signal: AbortSignal | undefined,
): FollowedRun<E, R> {
  return new Following(work, signal);
}

class Following<E, R> implements FollowedRun<E, R> {
  readonly done: Promise<R>;
  private readonly events: E[] = [];
  private readonly controller = new AbortController();
  private readonly stopped = new Error("the run was stopped");
  private ended: { readonly error?: unknown } | undefined;
  private isFollowed = false;
  private wake: (() => void)[] = [];

  constructor(work: (tell: Tell<E>) => Promise<R>, signal: AbortSignal | undefined) {
    const { controller } = this;
    const abort = () => controller.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    const event = (one: E) => {
      this.events.push(one);
      this.wakeAll();
    };
    this.done = work({ event, signal: controller.signal })
      .then(
        (result) => {
          this.ended = {};
          return result;
        },
        (error: unknown) => {
          this.ended = { error };
          throw error;
        },
      )
      .finally(() => {
        signal?.removeEventListener("abort", abort);
        this.wakeAll();
      });
  }

  // biome-ignore lint/suspicious/noThenProperty: to be awaited is what it is for.
  then<A = R, B = never>(
    onDone?: ((result: R) => A | PromiseLike<A>) | null,
    onError?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.done.then(onDone, onError);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    // The error comes out of the iteration then, and need not be caught a second time.
    if (!this.isFollowed) this.done.catch(() => undefined);
    this.isFollowed = true;
    for (let next = 0; ; next++) {
      while (next >= this.events.length && this.ended === undefined)
        await new Promise<void>((go) => this.wake.push(go));
      if (next < this.events.length) {
        yield this.events[next]!;
        continue;
      }
      if ("error" in this.ended!) throw this.ended.error;
      return;
    }
  }

  stop(): void {
    this.controller.abort(this.stopped);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    try {
      await this.done;
    } catch (error) {
      // Who follows it has been told.
      if (error !== this.stopped && !this.isFollowed) throw error;
    }
  }

  private wakeAll(): void {
    for (const go of this.wake.splice(0)) go();
  }
}
