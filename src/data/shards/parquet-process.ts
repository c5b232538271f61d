/**
 * Unpacks Parquet files in a process of its own: hyparquet takes any memory and time that a damaged file
 * asks for. The process waits a little for the next file, and ends with the one that asks.
 */

import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.js";
import type { ParquetReply } from "./parquet-child.js";
import type { UnpackJob } from "./parquet-unpack.js";
import type { ShardImage } from "./shard-index.js";

const CHILD = fileURLToPath(new URL("./parquet-child.js", import.meta.url));
/** A row group of 2 GiB lies outside of it; the rows and images that are made of it within. */
const HEAP_MB = 4096;
const IDLE_MS = 2000;

/** A process that has nothing to do, and its end. */
interface Idle {
  readonly child: ChildProcess;
  readonly timer: NodeJS.Timeout;
}

let idle: Idle | undefined;

/**
 * Unpacks a shard's images.
 * @param stallMs for how long nothing may be heard of it
 * @returns where in the file each is, in order
 * @throws UserError where the shard is damaged, a row is none of one image and class, or the disk is full
 */
export async function unpackElsewhere(
  job: UnpackJob,
  stallMs: number,
): Promise<readonly ShardImage[]> {
  const child = takeChild();
  const outcome = await askedOf(child, job, stallMs);
  if (outcome.kind === "images" || outcome.kind === "mistake") putBack(child);
  else child.kill("SIGKILL");
  switch (outcome.kind) {
    case "images":
      return outcome.images;
    case "mistake":
      throw new UserError(outcome.where, outcome.got, outcome.expected, outcome.nextStep);
    case "bug":
      throw new Error(`${job.shard}: ${outcome.stack}`);
    case "lost":
      throw new UserError(
        job.shard,
        `cannot be read as a Parquet file: ${outcome.reason}`,
        "a complete Parquet file",
        "download it again; or write it again with smaller row groups, as datasets' to_parquet does",
      );
  }
}

type Outcome =
  | Exclude<ParquetReply, { kind: "alive" }>
  | { readonly kind: "lost"; readonly reason: string };

function askedOf(child: ChildProcess, job: UnpackJob, stallMs: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const finish = (outcome: Outcome) => {
      clearTimeout(timer);
      child.removeAllListeners();
      // Killed just after its work was done, it has no say any more.
      child.on("error", () => undefined);
      resolve(outcome);
    };
    const lost = (reason: string) => finish({ kind: "lost", reason });
    const timer = setTimeout(
      () => lost(`nothing came out of it for ${Math.round(stallMs / 1000)} s`),
      stallMs,
    );
    child.on("message", (reply: ParquetReply) => {
      if (reply.kind === "alive") timer.refresh();
      else finish(reply);
    });
    child.on("exit", (code, signal) =>
      lost(`reading it ended in ${signal ?? `code ${code}`}, as for want of memory`),
    );
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.send(job);
  });
}

function takeChild(): ChildProcess {
  const waiting = idle;
  idle = undefined;
  if (waiting !== undefined) {
    clearTimeout(waiting.timer);
    const { child } = waiting;
    if (child.connected && child.exitCode === null && child.signalCode === null) {
      child.ref();
      child.channel?.ref();
      return child;
    }
  }
  return fork(CHILD, [], {
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
}

function putBack(child: ChildProcess): void {
  if (idle !== undefined) {
    child.kill("SIGKILL");
    return;
  }
  const end = () => {
    idle = undefined;
    child.kill("SIGKILL");
  };
  idle = { child, timer: setTimeout(end, IDLE_MS).unref() };
  child.unref();
  child.channel?.unref();
}
