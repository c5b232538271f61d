/** The thread on which checkpoints are written: one message a checkpoint, one reply to each. */
import { parentPort } from "node:worker_threads";
import type { NamedArray } from "../archive/numeric-array.js";
import { UserError } from "../errors.js";
import { filesWhile, Pulse } from "../ranks/pulse.js";
import type { CheckpointFacts } from "../record/manifest.js";
import type { RunFolder } from "../record/run-folder.js";
import type { ByFile } from "./checkpoint.js";
import { writeCheckpoint } from "./write-checkpoint.js";

export interface SaveTask {
  readonly folder: RunFolder;
  readonly facts: CheckpointFacts;
  readonly state: ByFile<readonly NamedArray[]>;
  readonly sizes: ByFile<number>;
  readonly options: {
    readonly keep: number;
    /** Of a `Pulse`. */
    readonly pulseMemory: SharedArrayBuffer | undefined;
  };
}

/** Errors lose their class between threads: what one is made of goes over. */
export type SaveReply =
  | { readonly kind: "saved" }
  | ({ readonly kind: "user-error" } & Pick<UserError, "where" | "got" | "expected" | "nextStep">)
  | { readonly kind: "bug"; readonly message: string; readonly stack: string | undefined };

async function replyTo(task: SaveTask): Promise<SaveReply> {
  const { folder, facts, state, sizes, options } = task;
  const { keep, pulseMemory } = options;
  const files = pulseMemory && filesWhile(new Pulse(pulseMemory));
  try {
    await writeCheckpoint(folder, facts, state, sizes, { keep, files });
    return { kind: "saved" };
  } catch (error) {
    if (error instanceof UserError) {
      const { where, got, expected, nextStep } = error;
      return { kind: "user-error", where, got, expected, nextStep };
    }
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    return { kind: "bug", message, stack };
  }
}

parentPort?.on("message", (task: SaveTask) => {
  void replyTo(task).then((reply) => parentPort?.postMessage(reply));
});
