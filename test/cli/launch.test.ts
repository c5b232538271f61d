/** Several processes train one run: the same losses as one, also when one of them is killed. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { packageRoot } from "../../src/package-root.js";
import { sampleModel } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { freePorts } from "../free-ports.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";
const bin = (name: string) => join(packageRoot, "bin", `${name}.js`);

function flags(logdir: string, name: string): string[] {
  return [
    ...["--model", sampleModel, "--dataset", "sample", "--batch", "8", "--steps", "12"],
    ...["--resolution", "36", "--crop", "32", "--precision", "fp32", "--workers", "1"],
    ...["--save_every", "4", "--batch_split", "2", "--no-report", "--no-tensorboard"],
    ...["--logdir", logdir, "--name", name],
  ];
}

interface Started {
  readonly child: ChildProcess;
  /** A first step is made. */
  readonly stepped: Promise<void>;
  readonly ended: Promise<{ readonly code: unknown; readonly text: string }>;
}

/** @param group whether in a group of processes of its own, as a terminal starts it */
function start(
  args: readonly string[],
  variables: Record<string, string> = {},
  group = false,
): Started {
  const env = { ...process.env, ...variables };
  const options = {
    env,
    detached: group,
    stdio: ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"],
  };
  const child = spawn(process.execPath, args, options);
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
  return { child, stepped, ended: once(child, "close").then(([code]) => ({ code, text })) };
}

function launchTwo(logdir: string, name: string, restarts = 0): Started {
  const own = ["--nproc", "2", "--restarts", String(restarts)];
  return start([bin("bit-launch"), ...own, "--", "bit-train", ...flags(logdir, name)], {}, true);
}

async function requireDone({ ended }: Started): Promise<string> {
  const { code, text } = await ended;
  assert.equal(code, 0, text);
  return text;
}

function losses(folder: string): number[] {
  const lines = readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
  const rows = lines.map((line) => JSON.parse(line) as { step?: number; loss?: number });
  return rows.flatMap(({ step, loss }) => (step === undefined ? [] : [loss!]));
}

function hashOf(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** What a run is at its end, to the bit. */
function stateOf(folder: string): string {
  const last = join(folder, "checkpoints", "00000012");
  return ["checkpoint.npz", "optimizer.npz"].map((name) => hashOf(join(last, name))).join();
}

/** The second process that a launcher has started. */
function secondChild({ child }: Started): number {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return Number(children.trim().split(" ")[1]);
}

async function appears(path: string): Promise<void> {
  for (let tries = 0; !existsSync(path); tries++) {
    assert.ok(tries < 2400, `${path} does not appear`);
    await sleep(50);
  }
}

test("two processes: the losses of one, to 6 digits; the same bits after a kill", {
  skip,
}, async (t: TestContext) => {
  const logdir = await temporaryFolder(t);
  await requireDone(start([bin("bit-train"), ...flags(logdir, "one")]));
  await requireDone(launchTwo(logdir, "two"));
  const expected = losses(join(logdir, "one"));
  const got = losses(join(logdir, "two"));
  assert.equal(got.length, 12);
  for (const [i, loss] of got.entries())
    assert.ok(Math.abs(loss / expected[i]! - 1) < 1e-6, `${i}: ${loss} ~ ${expected[i]}`);

  const killed = launchTwo(logdir, "killed", 1);
  await appears(join(logdir, "killed", "checkpoints", "00000004"));
  process.kill(secondChild(killed), "SIGKILL");
  const text = await requireDone(killed);
  assert.match(text, /rank 1 ended by SIGKILL/);
  assert.match(text, /Starting all again from the last checkpoint \(1 of 1\)/);
  assert.match(text, /Resumed at step (4|8|12)/);
  assert.deepEqual(losses(join(logdir, "killed")), got);
  assert.equal(stateOf(join(logdir, "killed")), stateOf(join(logdir, "two")));

  // A terminal signals the whole group, `kill` the launcher alone.
  const stopped = join(logdir, "stopped");
  const stops = [
    { name: "SIGINT", exit: 130, group: true },
    { name: "SIGTERM", exit: 143, group: false },
  ] as const;
  for (const { name, exit, group } of stops) {
    const run = launchTwo(logdir, "stopped", 1);
    await Promise.race([run.stepped, run.ended]);
    process.kill(group ? -run.child.pid! : run.child.pid!, name);
    const { code, text } = await run.ended;
    assert.equal(code, exit, text);
    const [, steps] = /Stopped after (\d+) steps/.exec(text) ?? [];
    assert.ok(existsSync(join(stopped, "checkpoints", String(steps).padStart(8, "0"))), text);
    assert.doesNotMatch(text, /Starting all again|error:|ended/);
  }
  await requireDone(launchTwo(logdir, "stopped"));
  assert.deepEqual(losses(stopped), got);
  assert.equal(stateOf(stopped), stateOf(join(logdir, "two")));
});

test("a process with other settings is refused before the first step", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const [port] = await freePorts(1);
  const both = [0, 1].map((rank) => {
    const variables = { RANK: String(rank), WORLD_SIZE: "2", MASTER_PORT: String(port) };
    const args = [...flags(logdir, "run"), "--seed", String(rank)];
    return start([bin("bit-train"), ...args], { ...variables, MASTER_ADDR: "127.0.0.1" });
  });
  for (const { ended } of both) {
    const { code, text } = await ended;
    assert.equal(code, 2, text);
    assert.match(text, /rank 1: it would train otherwise than rank 0: seed was 0, is now 1/);
  }
  assert.equal(existsSync(join(logdir, "run")), false);
});

test("a command in vain is not started again", async () => {
  const args = [
    "--nproc",
    "2",
    "--restarts",
    "3",
    "--",
    "bit-train",
    "--name",
    "x",
    "--model",
    "none",
  ];
  const { code, text } = await start([bin("bit-launch"), ...args]).ended;
  assert.equal(code, 2, text);
  assert.doesNotMatch(text, /Starting all again/);
});

test("what cannot be launched is said", async () => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [["--nproc", "2"], /no command after --/],
    [["--nnodes", "2", "--", "bit-train"], /--nnodes 2: without --rendezvous/],
    [["--nnodes", "2", "--node_rank", "2", "--", "bit-train"], /--node_rank 2/],
    [["--rendezvous", "here", "--", "bit-train"], /here: is no address/],
    [["--restarts", "1", "--", "bit-train", "--steps", "3"], /the run has no name/],
    [["--nproc", "2", "--", "/no/such/program"], /ENOENT/],
    [["--nproc", "2", "--", "bit-eval", "a run"], /would do all of it[\s\S]*npx bit-eval 'a run'/],
  ];
  for (const [args, message] of wrong) {
    const { code, text } = await start([bin("bit-launch"), ...args]).ended;
    assert.equal(code, 2, text);
    assert.match(text, message);
  }
});
