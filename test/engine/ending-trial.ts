/**
 * A process of its own for ending.test.ts: ends in the way that its argument says while a session runs.
 * Prints what the test is to see.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { HostTensor, Session } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { open } from "../engine-for-tests.js";
import { openBlocking, startBlocked } from "./blocked-run.js";

/** A session with a run that never ends under way. */
function blocked(): Session {
  const session = openBlocking();
  const folder = mkdtempSync(join(tmpdir(), "bit-train-ending-"));
  void startBlocked(session, folder).ended.catch(() => {});
  process.on("exit", () => rmSync(folder, { recursive: true }));
  return session;
}

/** Sessions that compute on all threads, without a pause. */
function busy(): void {
  const size = 300;
  const builder = new GraphBuilder();
  let y = builder.placeholder("x", "float32", [size, size]);
  const attrs = {
    T: attribute.type("float32"),
    transpose_a: attribute.bool(false),
    transpose_b: attribute.bool(false),
  };
  for (let i = 0; i < 10; i++)
    y = builder.one("MatMul", [y, y], attrs, { type: "float32", shape: [size, size] });
  builder.fetchable("y", y);
  const graph = builder.build();
  const data = new Float32Array(size * size);
  const x: HostTensor = { type: "float32", shape: [size, size], data };
  const forever = async (session: Session) => {
    for (;;) await session.run({ x }, ["y"]);
  };
  for (let i = 0; i < 3; i++) void forever(open(graph));
}

/** Starts this file in a thread. */
function worker(task: string): Worker {
  return new Worker(new URL(import.meta.url), { workerData: task });
}

const said = (thread: Worker) => new Promise((resolve) => thread.once("message", resolve));
const gone = (thread: Worker) => new Promise((resolve) => thread.once("exit", resolve));

/** What a thread does, whichever it is. */
const tasks: Record<string, () => Promise<void> | void> = {
  "process.exit": async () => {
    blocked();
    await sleep(50);
    process.exit(7);
  },
  "process.exit while it computes": async () => {
    busy();
    await sleep(200);
    process.exit(7);
  },
  "an error that nobody catches": async () => {
    blocked();
    await sleep(50);
    throw new Error("on purpose");
  },
  "close, and nothing else to do": async () => {
    const session = blocked();
    await sleep(50);
    session.close();
  },
  "a session that is never closed": async () => {
    await openBlocking().run({}, ["free"]);
  },
  "sessions that are forgotten": async () => {
    for (let i = 0; i < 20; i++) {
      await openBlocking().run({}, ["free"]);
      globalThis.gc?.();
      await sleep(5);
    }
  },
  "threads that are ended": async () => {
    for (const task of ["blocked", "busy", "blocked", "busy"]) {
      const thread = worker(task);
      await said(thread);
      await thread.terminate();
    }
    await openBlocking().run({}, ["free"]);
    console.log("went on");
  },
  "threads that end themselves": async () => {
    const codes = [];
    for (const task of ["process.exit", "process.exit while it computes"])
      codes.push(await gone(worker(task)));
    console.log(codes.join());
  },
  "process.exit while a thread computes": async () => {
    await said(worker("busy"));
    process.exit(7);
  },
  blocked: () => {
    blocked();
    setTimeout(() => parentPort?.postMessage("ready"), 50);
  },
  busy: () => {
    busy();
    setTimeout(() => parentPort?.postMessage("ready"), 100);
  },
};

await tasks[isMainThread ? process.argv[2]! : (workerData as string)]!();
