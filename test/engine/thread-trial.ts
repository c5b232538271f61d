/**
 * A process of its own for threads.test.ts: runs the tiny training in the threads that its argument
 * says, and prints what came of each as one line of JSON: the SHA-256 of the checkpoint, or an error.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** What a thread is to do. */
interface Task {
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** End the thread after so many steps. */
  readonly killAt?: number;
}

async function work({ folder }: Task): Promise<string> {
  try {
    const { trainTiny } = await import("../run/tiny-training.js");
    const run = await trainTiny(folder, {}, undefined, (step) => parentPort?.postMessage(step));
    return createHash("sha256")
      .update(await readFile(run.folder.checkpoint))
      .digest("hex");
  } catch (error) {
    return String(error);
  }
}

/** @returns undefined where the thread was ended */
function inWorker(task: Task): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: task,
      env: task.env ?? process.env,
    });
    let result: string | undefined;
    worker.on("message", (message: string | number) => {
      if (typeof message === "string") result = message;
      else if (message === task.killAt) void worker.terminate();
    });
    worker.on("error", reject).on("exit", () => resolve(result));
  });
}

const trials: Record<string, (folder: (name: string) => string) => Promise<unknown[]>> = {
  main: async (folder) => [await work({ folder: folder("main") })],
  "main and worker": (folder) =>
    Promise.all([work({ folder: folder("a") }), inWorker({ folder: folder("b") })]),
  "two workers, then main": async (folder) => [
    ...(await Promise.all([inWorker({ folder: folder("a") }), inWorker({ folder: folder("b") })])),
    await work({ folder: folder("c") }),
  ],
  "a worker that is ended, then another": async (folder) => [
    await inWorker({ folder: folder("a"), killAt: 3 }),
    await inWorker({ folder: folder("b") }),
  ],
  "a worker with settings of its own": async (folder) => {
    const env = { ...process.env, TF_NUM_INTRAOP_THREADS: "1" };
    const result = await inWorker({ folder: folder("a"), env });
    return [result, process.env["TF_NUM_INTRAOP_THREADS"]];
  },
  "main, then a worker with other settings": async (folder) => {
    await work({ folder: folder("a") });
    const env = { ...process.env, TF_NUM_INTRAOP_THREADS: "1" };
    return [await inWorker({ folder: folder("b"), env })];
  },
};

if (isMainThread) {
  const root = await mkdtemp(join(tmpdir(), "bit-train-threads-"));
  const results = await trials[process.argv[2]!]!((name) => join(root, name));
  await rm(root, { recursive: true });
  console.log(JSON.stringify(results));
} else {
  parentPort!.postMessage(await work(workerData as Task));
}
