/** Processes that meet, as tests start them: `group-trial.ts`. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePorts } from "../free-ports.js";

const script = fileURLToPath(new URL("group-trial.js", import.meta.url));

// One that was stopped, or whose test has failed, would keep this process.
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill("SIGKILL");
});

export interface Started {
  readonly child: ChildProcess;
  readonly next: () => Promise<Record<string, unknown>>;
  readonly exit: Promise<unknown>;
  /** What it has said for people so far. */
  readonly notes: () => string;
}

/** What a process does once they have met, and the token that it has. */
export interface Trial {
  readonly trial: string;
  readonly token: string;
}

export function start(what: string | Trial, ...args: readonly (number | string)[]): Started {
  const { trial, token } = typeof what === "string" ? { trial: what, token: "" } : what;
  const env = { ...process.env, TRIAL: trial, BIT_RUN_TOKEN: token };
  const child = spawn(process.execPath, [script, ...args.map(String)], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let notes = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    notes += text;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value) as Record<string, unknown>;
  const exit = once(child, "close").then(([code]) => code as unknown);
  return { child, next, exit, notes: () => notes };
}

export async function startAll(trial: string, ranks: number): Promise<Started[]> {
  const [port] = await freePorts(1);
  // Rank 0 comes last.
  const order = Array.from({ length: ranks }, (_, i) => ranks - 1 - i);
  return order.map((rank) => start(trial, rank, ranks, port!)).reverse();
}

/** A connection, once somebody listens there. */
export async function connected(port: number): Promise<Socket> {
  for (const untilMs = Date.now() + 30_000; ; ) {
    assert.ok(Date.now() < untilMs, `nobody listens at port ${port}`);
    const socket = connect({ port, host: "127.0.0.1" });
    const opened = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    if (opened) return socket;
    await sleep(50);
  }
}
