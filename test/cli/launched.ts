/** Runs of several processes, started as users and launchers start them, on the sample with its tiny network. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { packageRoot } from "../../src/package-root.js";
import { rankVariables } from "../../src/ranks/rank-sources.js";
import { sampleModel } from "../../src/run/sample-model.js";
import { engine } from "../engine-for-tests.js";

/** Why runs of several processes cannot be tried. */
export const skip =
  loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";

/** A command's script. */
export const bin = (name: string) => join(packageRoot, "bin", `${name}.js`);

/** The flags of a short run; what `more` gives counts. */
export function flags(logdir: string, name: string, more: Record<string, string> = {}): string[] {
  const all = {
    ...{ model: sampleModel, dataset: "sample", batch: "8", batch_split: "2", steps: "12" },
    ...{ resolution: "36", crop: "32", precision: "fp32", workers: "1", save_every: "4" },
    ...{ logdir, name, ...more },
  };
  const given = Object.entries(all).flatMap(([flag, value]) => [`--${flag}`, value]);
  return [...given, "--no-report", "--no-tensorboard"];
}

/** A process, or a launcher with those that it starts. */
export interface Started {
  readonly child: ChildProcess;
  /** A first step is made. */
  readonly stepped: Promise<void>;
  /** The exit code, all output, and when both were there: milliseconds as `performance.now` has them. */
  readonly ended: Promise<{ readonly code: unknown; readonly text: string; readonly ms: number }>;
  /** What was said so far. */
  readonly said: () => string;
}

// Those whose test has failed would go on, and keep this process.
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill("SIGKILL");
});

export interface StartOptions {
  readonly variables?: Readonly<Record<string, string>>;
  /** Whether in a group of processes of its own, as a terminal starts it. */
  readonly group?: boolean;
  /** Default: Node. */
  readonly program?: string;
}

export function start(args: readonly string[], options: StartOptions = {}): Started {
  const { variables = {}, group = false, program = process.execPath } = options;
  // A launcher's that started these tests are not theirs.
  const own = Object.entries(process.env).filter(([name]) => !rankVariables.includes(name));
  const child = spawn(program, args, {
    env: { ...Object.fromEntries(own), ...variables },
    detached: group,
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  let text = "";
  let tell = (): void => {};
  const stepped = new Promise<void>((resolve) => {
    tell = resolve;
  });
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (/\[step \d+\]: loss/.test(text)) tell();
    });
  const ended = once(child, "close").then(([code]) => {
    running.delete(child);
    return { code: code as unknown, text, ms: performance.now() };
  });
  return { child, stepped, ended, said: () => text };
}

/** Starts `bit-train` in several processes. */
export function launchTrain(
  args: readonly string[],
  { processes = 2, restarts = 0 }: { processes?: number; restarts?: number } = {},
): Started {
  const own = ["--nproc", String(processes), "--restarts", String(restarts)];
  return start([bin("bit-launch"), ...own, "--", "bit-train", ...args], { group: true });
}

/** Starts `bit-train` as one rank, as a launcher that is none of ours does. */
export function startRank(
  { rank, ranks, port }: { rank: number; ranks: number; port: number },
  args: readonly string[],
): Started {
  const place = { RANK: String(rank), WORLD_SIZE: String(ranks), MASTER_PORT: String(port) };
  return start([bin("bit-train"), ...args], {
    variables: { ...place, MASTER_ADDR: "127.0.0.1" },
  });
}

/** What a process said that has ended well. */
export async function requireDone({ ended }: Started): Promise<string> {
  const { code, text } = await ended;
  assert.equal(code, 0, text);
  return text;
}

/** Of each step of a run, in `metrics.jsonl`. */
export function losses(folder: string): number[] {
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { step?: number; loss?: number });
  return rows.flatMap(({ step, loss }) => (step === undefined ? [] : [loss!]));
}

/** Equal to 6 digits: float32 numbers were added in another order. */
export function assertAlike(got: readonly number[], expected: readonly number[]): void {
  assert.equal(got.length, expected.length);
  for (const [i, loss] of got.entries())
    assert.ok(Math.abs(loss / expected[i]! - 1) < 1e-6, `${i}: ${loss} ~ ${expected[i]}`);
}

/** What a run is after so many steps, to the bit. */
export function stateOf(folder: string, steps: number): string {
  const last = join(folder, "checkpoints", String(steps).padStart(8, "0"));
  const files = ["checkpoint.npz", "optimizer.npz"].map((name) => readFileSync(join(last, name)));
  return files.map((bytes) => createHash("sha256").update(bytes).digest("hex")).join();
}

/**
 * What lies in a run's folder, and when it was written; the lock says that its process lives. Of a checkpoint that
 * has no name yet, a last write may have been on its way.
 */
export function contentsOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => !/run\.lock|\.tmp-/.test(name))
    .map((name) => `${name} ${statSync(join(folder, name)).mtimeMs}`)
    .sort();
}

/** The processes that a process has started, in their order. */
export function childrenOf({ pid }: { readonly pid?: number | undefined }): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

/** Waits for a file. */
export async function appears(path: string): Promise<void> {
  for (let tries = 0; !existsSync(path); tries++) {
    assert.ok(tries < 2400, `${path} does not appear`);
    await sleep(50);
  }
}
