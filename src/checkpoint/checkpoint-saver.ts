/** Saves a run's state on a thread of its own, while the run goes on. */
import { Worker } from "node:worker_threads";
import type { NamedArray } from "../archive/numeric-array.js";
import type { FileSystem } from "../disk/file-system.js";
import { UserError } from "../errors.js";
import { filesWhile, type Pulse } from "../ranks/pulse.js";
import type { BestResult, CheckpointFacts } from "../record/manifest.js";
import type { RunFolder } from "../record/run-folder.js";
import type { RunRecord } from "../record/run-record.js";
import { availableMemoryBytes } from "../step/memory.js";
import type { TrainProgram } from "../step/program.js";
import type { EvaluationResult } from "../train/reports.js";
import { type Arrays, stateArrays, stateBytes } from "./checkpoint.js";
import { checkpointAt } from "./checkpoint-folder.js";
import type { SaveReply, SaveTask } from "./save-worker.js";
import { addValidation, writeCheckpoint } from "./write-checkpoint.js";

export interface SaverOptions {
  /** How many of the newest checkpoints are kept, besides the best. */
  readonly keep: number;
  /** Told of each checkpoint that is written, and of its folder. */
  readonly saved?: ((steps: number, path: string) => void) | undefined;
  /** Of a process among others: once it has stood still, nothing is written any more. */
  readonly pulse?: Pulse | undefined;
}

export class CheckpointSaver {
  private worker: Worker | undefined;
  private underWay: Promise<void> = Promise.resolve();
  private failure: unknown;
  /** Undefined: Node's own. */
  private readonly files: FileSystem | undefined;

  /**
   * @param record how the model is to be judged
   * @param freeMemoryBytes how much memory a copy may be taken of
   */
  constructor(
    private readonly folder: RunFolder,
    private readonly program: TrainProgram,
    private readonly record: RunRecord,
    private readonly options: SaverOptions,
    private readonly freeMemoryBytes: () => number = availableMemoryBytes,
  ) {
    this.files = options.pulse && filesWhile(options.pulse);
  }

  /**
   * Saves the state: returns when it is copied, and writes it while the run goes on. Where memory does
   * not hold a copy well, it is written before this returns. A save under way is awaited first.
   * @throws UserError where this save, or the one before, fails
   */
  async save(facts: CheckpointFacts): Promise<void> {
    await this.underWay;
    this.check();
    const { folder, program } = this;
    const { keep, saved, pulse } = this.options;
    const told = () => saved?.(facts.steps, checkpointAt(folder.checkpoints, facts.steps).path);
    const sizes = stateBytes(program);
    const arrays = stateArrays(program, facts, this.record);
    if (this.freeMemoryBytes() < 2 * (sizes.model + sizes.optimizer)) {
      await writeCheckpoint(folder, facts, arrays, sizes, { keep, files: this.files });
      told();
      return;
    }
    const state = { model: await copied(arrays.model), optimizer: await copied(arrays.optimizer) };
    const options = { keep, pulseMemory: pulse?.memory };
    const written = this.write({ folder, facts, state, sizes, options });
    this.underWay = written.then(told).catch((error) => {
      this.failure = error;
    });
  }

  /** Notes, once it is written, the evaluation of the state that was saved after so many steps. */
  note(steps: number, validation: EvaluationResult, best: BestResult | undefined): void {
    this.underWay = this.underWay
      .then(() => addValidation(this.folder, steps, validation, best, this.files))
      .catch((error) => {
        this.failure ??= error;
      });
  }

  /** Throws the error of a save that has failed in the meantime. */
  check(): void {
    const { failure } = this;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /**
   * Waits until all is saved.
   * @throws UserError where a save failed
   */
  async finish(): Promise<{ readonly elapsedMs: number }> {
    const begun = performance.now();
    await this.underWay;
    this.check();
    return { elapsedMs: performance.now() - begun };
  }

  /** Waits for a save under way, however it ends, and ends the thread. */
  async close(): Promise<void> {
    await this.underWay;
    await this.abandon();
  }

  /** Ends the thread in the midst of a save, of which the folder then holds a leftover. */
  async abandon(): Promise<void> {
    await this.worker?.terminate();
    this.worker = undefined;
  }

  private async write(task: SaveTask): Promise<void> {
    this.worker ??= new Worker(new URL("./save-worker.js", import.meta.url));
    const { worker } = this;
    const arrays = [...task.state.model, ...task.state.optimizer];
    const moved = arrays.map(({ array }) => array.data.buffer as ArrayBuffer);
    const reply = await new Promise<SaveReply>((resolve, reject) => {
      const onReply = (message: SaveReply) => {
        worker.off("error", onEnd).off("exit", onEnd);
        resolve(message);
      };
      const onEnd = (cause: unknown) => {
        this.worker = undefined;
        reject(ended(task, cause));
      };
      worker.once("message", onReply).once("error", onEnd).once("exit", onEnd);
      worker.postMessage(task, moved);
    });
    if (reply.kind !== "saved") throw errorOf(reply);
  }
}

async function copied(arrays: Arrays): Promise<NamedArray[]> {
  const copies: NamedArray[] = [];
  for await (const { name, array } of arrays)
    copies.push({ name, array: { shape: array.shape, data: array.data.slice() } });
  return copies;
}

function errorOf(reply: Exclude<SaveReply, { kind: "saved" }>): Error {
  if (reply.kind === "bug") return new Error(reply.message, { cause: reply.stack });
  return new UserError(reply.where, reply.got, reply.expected, reply.nextStep);
}

function ended({ folder, facts }: SaveTask, cause: unknown): UserError {
  return new UserError(
    folder.checkpoints,
    `the thread that wrote the checkpoint of step ${facts.steps} has ended before it was done`,
    "memory enough for it; the earlier checkpoints are whole",
    "end other programs, then type the same command again: the run goes on",
    { cause },
  );
}
