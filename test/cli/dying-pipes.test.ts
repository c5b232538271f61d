/** `bit-train` in a pipeline that a signal ends: it goes on each time, with no step lost. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";
import { report, thorough } from "../soak/table.js";
import { runBin } from "./command.js";
import {
  endedAsWhole,
  env,
  momentSeed,
  recorded,
  runUninterrupted,
  stepsIn,
  uniformNumbers,
} from "./random-moments.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const stops = thorough ? 50 : 3;
const steps = 10 * stops;
const exits = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
// The signal ends the first; the second has read enough before.
const readers = ["tee LOG > /dev/null", "head -n 3 > LOG"] as const;

/** Starts `bit-train ... 2>&1 | reader` in a process group of its own, as a terminal's shell does. */
function startPipeline(args: readonly string[], reader: string) {
  const bin = join(repositoryRoot, "bin", "bit-train.js");
  const command = [process.execPath, bin, ...args].map((word) => `'${word}'`).join(" ");
  // The shell outlives the signal, to tell with which code the run ends.
  const script = `trap : INT TERM HUP; ${command} 2>&1 | ${reader}; exit \${PIPESTATUS[0]}`;
  const child = spawn("bash", ["-c", script], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, ...env, _: "" },
  });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  return { pid: child.pid!, ended };
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // It has ended by itself.
  }
}

test(`${stops} pipelines that a signal ends`, { timeout: 60_000 * stops }, async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const logs = join(root, "logs");
  const schedule = `--steps ${steps} --eval_every 10 --save_every 3`.split(" ");
  const flags = [...tinyFlags(images, logs), ...schedule];
  const startMs = await runUninterrupted(flags, logs);

  const uniform = uniformNumbers(momentSeed);
  const run = join(logs, "stopped");
  const args = [...flags, "--name", "stopped"];
  let stopped = 0;
  let saved = 0;
  for (; stopped < stops; stopped++) {
    const signal = signals[Math.floor(uniform(signals.length))]!;
    const reader = readers[stopped % readers.length]!.replace("LOG", `'${join(root, "log")}'`);
    const { pid, ended } = startPipeline(args, reader);
    // In turn among the steps, evaluations and saves, and at any time since the start.
    if (stopped % 3 < 2)
      await recorded(pid, join(run, "metrics.jsonl")).then(
        () => sleep(uniform(500)),
        () => undefined,
      );
    else await sleep(uniform(1.2 * startMs));
    signalGroup(pid, signal);
    // npm and timeout send it twice.
    if (uniform(1) < 0.3) signalGroup(pid, signal);
    const code = await ended;
    // It may be done before its time has come.
    if (code === 0) break;
    const moment = `stop ${stopped} by ${signal}, reader ${reader} (BIT_KILL_SEED=${momentSeed})`;
    assert.equal(code, exits[signal], moment);
    const files = await readdir(run).catch((): string[] => []);
    assert.ok(!files.includes("run.lock"), `a lock is left: ${moment}`);
    const newest = (await readdir(join(run, "checkpoints")).catch((): string[] => []))
      .sort()
      .at(-1);
    const done = await stepsIn(join(run, "train.log")).catch(() => 0);
    assert.equal(Number(newest ?? 0), done, `steps are lost: ${moment}`);
    saved = done;
  }
  const last = await runBin("bit-train", args, { env });
  assert.equal(last.code, 0, last.stderr);
  const redone = (await stepsIn(join(run, "train.log"))) - steps;
  await endedAsWhole(logs, "stopped");
  assert.equal(redone, 0, `steps done again (BIT_KILL_SEED=${momentSeed})`);
  t.diagnostic(`seed ${momentSeed}: stopped ${stopped} times, the last time after ${saved} steps`);
  assert.ok(stopped >= stops / 2, `stopped ${stopped} times`);
  report({ faultsTried: stopped, faultsSurvived: stopped, stepsLost: redone });
});
