/** The processes that train together, as one of them sees them: what they tell each other, and whether all live. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { Interrupted, type StopSignal, UserError } from "../errors.js";
import type { ControlOrder, ControlReport, Parting } from "./control-message.js";
import type { ControlTask } from "./control-task.js";
import { KeyValueQuestions } from "./key-values.js";
import { launcherIn } from "./launcher.js";
import {
  type AddressWish,
  leavingAddresses,
  meetingAddress,
  requireUsable,
} from "./own-address.js";
import { Pulse, standstillOf } from "./pulse.js";
import type { RankPlace } from "./rank-place.js";
import type { RankSettings } from "./rank-sources.js";
import { RanksLost } from "./ranks-lost.js";
import { tokenIn } from "./run-token.js";

/** So long processes wait for each other to come: images may have to be fetched on one of them. */
const defaultPatienceMs = 600_000;

/** How a process waits for the others. */
export interface MeetingOptions {
  /** So long it waits for them to come, in ms. */
  readonly patienceMs?: number | undefined;
  /** Told for whom it waits, where that takes long, and who came that is none of them. */
  readonly note?: ((text: string) => void) | undefined;
}

export class RankGroup implements RankPlace {
  readonly rank: number;
  readonly ranks: number;
  /** The address of this machine at which the others reach it. */
  address = "";
  private failure: RanksLost | Interrupted | undefined;
  private ended = false;
  private readonly waiting: {
    readonly resolve: (values: readonly unknown[]) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  /** What the ranks leave for each other under names. */
  readonly keyValues = new KeyValueQuestions((question) => this.order(question));
  private readonly watches = new Set<(error: Error) => void>();
  /** Of this process: whether it has stood still, so that what it would do now the others may have begun anew. */
  readonly pulse = new Pulse();
  private readonly thread: Worker;
  /** By itself it ends where it fails. */
  private readonly threadEnded: Promise<void>;

  private constructor(task: Omit<ControlTask, "pulseMemory">) {
    this.rank = task.rank;
    this.ranks = task.ranks;
    this.thread = new Worker(new URL("./control-thread.js", import.meta.url), {
      workerData: { ...task, pulseMemory: this.pulse.memory } satisfies ControlTask,
    });
    this.thread.on("message", (report: ControlReport) => this.take(report));
    this.thread.on("error", (error) => this.lose({ why: error.message }));
    this.threadEnded = once(this.thread, "exit").then(() => {
      if (this.watches.size + this.waiting.length > 0)
        this.lose({ why: "the connections have ended" });
    });
  }

  /**
   * Meets the other processes.
   * @throws UserError where this one has no address at which it may be reached
   * @throws RanksLost where the others do not come in time, or are others than expected
   */
  static async meet(
    settings: RankSettings & AddressWish,
    { patienceMs = defaultPatienceMs, note }: MeetingOptions = {},
  ): Promise<RankGroup> {
    const isFirst = settings.rank === 0;
    const group = new RankGroup({
      ...{ ...settings, patienceMs },
      ...{ launcher: launcherIn(process.env), token: tokenIn(process.env) },
      listenAt: isFirst ? await meetingAddress(settings, settings) : undefined,
      leaveFrom: isFirst ? undefined : leavingAddresses(settings, settings),
    });
    const address = new Promise<string>((resolve) => {
      group.thread.on("message", (report: ControlReport) => {
        if (report.type === "met" || report.type === "unusable") resolve(report.address);
        else if (report.type === "note") note?.(report.text);
      });
    });
    try {
      requireUsable(await group.watch(address), settings);
    } catch (error) {
      await group.fail(error);
      throw error;
    }
    return group;
  }

  /**
   * Hands something that JSON can say to all ranks, and waits until all have done so: what each has, in their order. All ranks
   * are to call it equally often.
   * @throws RanksLost
   */
  async share(value: unknown): Promise<readonly unknown[]> {
    return this.exchange({ type: "share", value, last: false });
  }

  /** Waits until all ranks have come to the end of their work, and ends the connections. @throws RanksLost */
  async end(): Promise<void> {
    await this.exchange({ type: "share", value: null, last: true });
    this.ended = true;
    this.keyValues.end(new Error("the processes have parted"));
    await this.thread.terminate();
  }

  /**
   * Has all ranks end, since this one does.
   * @param error why; where it is a UserError, the others know that the same would come of it again; where it is
   *   Interrupted, that they are to stop
   */
  async fail(error: unknown): Promise<void> {
    if (this.ended) return;
    this.ended = true;
    this.keyValues.end(new Error(`rank ${this.rank} has ended`));
    const told = new Promise<void>((resolve) => {
      this.thread.on("message", (report: ControlReport) => {
        if (report.type === "failed") resolve();
      });
    });
    this.thread.ref();
    this.order({ type: "fail", ...partingBy(this.rank, error) });
    await Promise.race([told, this.threadEnded]);
    // What was written is on its way.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await this.thread.terminate();
  }

  /** Ends what waits for another, here and in all ranks, since this process was asked to stop. `fail` is to follow. */
  stopAll(by: StopSignal): void {
    if (this.ended || this.failure !== undefined) return;
    const stop = new Interrupted(by);
    this.order({ type: "fail", ...partingBy(this.rank, stop) });
    this.breakOff(stop);
  }

  /** Whether a rank is lost, or all are to stop at once. */
  get lost(): boolean {
    return this.failure !== undefined;
  }

  /** To be called before anything is written that the ranks have in common. @throws RanksLost where one is lost */
  requireTogether(): void {
    if (this.pulse.stopped && !this.ended) this.lose({ why: standstillOf(this.rank) });
    if (this.failure !== undefined) throw this.failure;
  }

  /** What an error comes of: where this process has stood still, of that, whatever could not be done any more. */
  causeOf(error: unknown): unknown {
    if (!this.pulse.stopped) return error;
    this.lose({ why: standstillOf(this.rank) });
    return this.failure ?? error;
  }

  /** Settles as `work` does, unless a rank is lost before. @throws RanksLost */
  async watch<T>(work: Promise<T>): Promise<T> {
    // Of work that is not waited for nobody hears how it ends.
    work.catch(() => undefined);
    this.requireTogether();
    let fail: ((error: Error) => void) | undefined;
    const lost = new Promise<never>((_, reject) => {
      fail = reject;
    });
    this.watches.add(fail!);
    try {
      return await Promise.race([work, lost]);
    } finally {
      this.watches.delete(fail!);
    }
  }

  private async exchange(order: ControlOrder): Promise<readonly unknown[]> {
    this.requireTogether();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      this.order(order);
    });
  }

  private order(order: ControlOrder): void {
    this.thread.postMessage(order);
  }

  private take(report: ControlReport): void {
    if (report.type === "met") this.address = report.address;
    else if (report.type === "shared") this.waiting.shift()?.resolve(report.values);
    else if (report.type === "value") this.keyValues.take(report);
    else if (report.type === "lost") this.lose(report);
  }

  private lose({ why, mistake = false, remedy, stop }: Parting): void {
    if (this.ended || this.failure !== undefined) return;
    const advice = remedy && `\n  expected: ${remedy.expected}\n  next: ${remedy.nextStep}`;
    this.breakOff(
      stop
        ? new Interrupted(stop.by, stop.rank)
        : new RanksLost(`${why}; rank ${this.rank} ends too${advice ?? ""}`, mistake),
    );
    // It keeps nobody who is gone.
    this.thread.unref();
  }

  /** Nothing waits for another any more. */
  private breakOff(failure: RanksLost | Interrupted): void {
    this.failure = failure;
    for (const { reject } of this.waiting.splice(0)) reject(failure);
    for (const reject of this.watches) reject(failure);
    this.keyValues.end(failure);
  }
}

/** What the others are told of a rank that ends by an error. */
function partingBy(rank: number, error: unknown): Parting {
  const ended = (by: string) => `rank ${rank} has ended: ${by}`;
  if (error instanceof UserError) {
    const { where, got, expected, nextStep } = error;
    return { why: ended(`${where}: ${got}`), mistake: true, remedy: { expected, nextStep } };
  }
  const [first = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
  if (!(error instanceof Interrupted)) return { why: ended(first), mistake: false };
  return { why: ended(first), mistake: false, stop: { rank, by: error.by } };
}
