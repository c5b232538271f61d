/** Whether a run is to stop: one process by its own signal, several once all of them know. */

/** What ends an evaluation of several ranks where one of them asks for it. */
export class EvaluationStopped extends Error {
  override readonly name = "EvaluationStopped";
}

/** What a process hears of those who want it to stop. */
export interface StopWishes {
  /** Whether the run is to stop after the step under way. */
  interrupted(): boolean;
  /** Stops the run too, and abandons an evaluation. */
  readonly signal?: AbortSignal | undefined;
}

export class Stops {
  private agreed = false;

  /** @param together whether several ranks train together */
  constructor(
    private readonly observer: StopWishes,
    private readonly together: boolean,
  ) {}

  /** Whether this process wants to stop after the step under way. */
  readonly wanted = (): boolean => this.abandons() || this.observer.interrupted();

  /** Whether this process wants to end an evaluation, which is made again when the run goes on. */
  readonly abandons = (): boolean => this.observer.signal?.aborted === true;

  /** Whether no further step is to be made. */
  get stopped(): boolean {
    return this.together ? this.agreed : this.wanted();
  }

  /** Whether an evaluation may have been abandoned. */
  get abandoned(): boolean {
    return this.together ? this.agreed : this.abandons();
  }

  /** Says what all ranks were told in a step. */
  agree(stops: boolean): void {
    this.agreed ||= stops;
  }

  /** Ends an evaluation of one process alone; of several, `EvaluationStopped` does. */
  throwIfAbandoned(): void {
    if (!this.together) this.observer.signal?.throwIfAborted();
  }

  /** Whether an error of an evaluation says that it was abandoned. */
  isStop(error: unknown): boolean {
    if (error instanceof EvaluationStopped) this.agreed = true;
    return error instanceof EvaluationStopped || (this.abandons() && this.isReason(error));
  }

  private isReason(error: unknown): boolean {
    return error === this.observer.signal?.reason;
  }
}
