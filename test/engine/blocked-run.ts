/**
 * A run that waits for as long as a test likes, without computing: for a pipe that nobody has opened.
 * Once it is, the run fails, since a pipe has no positions to read from.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { HostTensor, Session } from "../../src/engine/session.js";
import { loadTensorflow, openTensorflowSession } from "../../src/engine/tensorflow-session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { engine } from "../engine-for-tests.js";

// inter_op_parallelism_threads: 2, use_per_session_threads: true. The process's own threads, of which
// there may be one, are left to others.
const ownThreads = Uint8Array.of(0x28, 2, 0x48, 1);

/**
 * A session in which `blocked` waits for somebody to open the pipe `pipe`, and `free` for nothing. Only
 * where the engine has our addon.
 */
export function openBlocking(): Session {
  const builder = new GraphBuilder();
  const pipe = builder.placeholder("pipe", "string", []);
  builder.fetchable("blocked", builder.one("ReadFile", [pipe], {}, { type: "string", shape: [] }));
  builder.fetchable("free", builder.ints(7));
  return openTensorflowSession(loadTensorflow(engine.installed)!, builder.build().def, ownThreads);
}

/** A run of that graph, under way. */
export interface BlockedRun {
  /** Fulfilled when it has ended as told above. */
  readonly ended: Promise<void>;
  /** Lets it end, whether it has begun to wait or not. */
  open(): Promise<void>;
}

/** @param folder for the pipe */
export function startBlocked(session: Session, folder: string): BlockedRun {
  const pipe = join(folder, `pipe-${Math.random()}`);
  execFileSync("mkfifo", [pipe]);
  const name: HostTensor = { type: "string", shape: [], data: [Buffer.from(pipe)] };
  const ended = session.run({ pipe: name }, ["blocked"]).then(
    () => assert.fail("a pipe was read"),
    (error) => {
      if (!/Illegal seek/.test(error.message)) throw error;
    },
  );
  const letEnd = async () => {
    // Both ends: to open the writer's alone waits for a reader, which a closed session never sends.
    const ends = await open(pipe, "r+");
    await ended.catch(() => {});
    await ends.close();
  };
  return { ended, open: letEnd };
}
