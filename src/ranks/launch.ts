/** Starts the processes of a run on this machine, and all of them again where one is lost. */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { type EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.js";
import type { Endpoint } from "./address.js";
import { freePort } from "./free-port.js";
import { launcherVariables } from "./launcher.js";
import { type Environment, rankVariables } from "./rank-sources.js";
import { tokenVariables } from "./run-token.js";

/** What is to be started. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** Processes on this machine. */
  readonly processes: number;
  /** Machines, each with as many processes. */
  readonly nodes: number;
  /** Which of them this is, from 0. */
  readonly node: number;
  /** Where all meet; undefined: at a free port of this machine, which is the only one. */
  readonly meeting: Endpoint | undefined;
  /** How often all are started again. */
  readonly restarts: number;
  readonly exits: ExitCodes;
  readonly environment: Environment;
}

/** Who is told what the processes say. */
export interface LaunchListener {
  /** A line of a process other than the first of this machine, whose output is this process's. */
  readonly line: (rank: number, text: string) => void;
  readonly note: (text: string) => void;
  /** Once its signal is aborted, there are no restarts any more, and `exit` is what a stop ends with. */
  readonly stop: { readonly signal: AbortSignal; readonly exit: number };
  /** Emits the signals that are to reach the processes too. */
  readonly signals: EventEmitter<{ signal: [NodeJS.Signals] }>;
}

/** What the processes' exit codes say. */
export interface ExitCodes {
  /** A mistake in the input: the same would come of it again. */
  readonly mistake: number;
  /** The process has lost another. */
  readonly lost: number;
  /** Stops that were asked for. */
  readonly stops: readonly number[];
}

/** What a process ended with. */
interface Ended {
  readonly rank: number;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether it was still there long after another had ended, and was told to end. */
  readonly told: boolean;
}

// The others notice within seconds that one is gone that they have met. They may wait for it to come, and end when told.
const toldMs = 5000;
// One that stands still hears nothing.
const graceMs = 30_000;
// From a process's end to that of its output.
const lastWordsMs = 5000;

/**
 * Runs a command in all its processes to their end.
 * @returns the exit code: that of a process with a mistake to report, else of a stop that was asked for, else
 *   of the lowest rank that failed
 * @throws UserError where the command is not found
 */
export async function launch(plan: Launch, listener: LaunchListener): Promise<number> {
  const { exits } = plan;
  for (let restart = 0; ; restart++) {
    const ended = await runOnce(plan, listener);
    const failed = ended.filter(({ code }) => code !== 0);
    if (failed.length === 0) return 0;
    const { stop } = listener;
    const agreed = agreedStop(ended, exits);
    const asked = stop.signal.aborted && failed.every((one) => isOfStop(one, exits));
    const stopped = asked || agreed !== undefined;
    const exit = asked ? stop.exit : (agreed ?? exitOf(failed, exits));
    const final = exit === exits.mistake || exits.stops.includes(exit) || stop.signal.aborted;
    if (!stopped) for (const one of failed) listener.note(describe(one));
    if (final || restart >= plan.restarts) return exit;
    listener.note(
      `Starting all again from the last checkpoint (${restart + 1} of ${plan.restarts})`,
    );
  }
}

function exitOf(failed: readonly Ended[], exits: ExitCodes): number {
  const mistake = failed.find(({ code }) => code === exits.mistake);
  const first = failed.find(({ told }) => !told) ?? failed[0];
  return (mistake ?? first)!.code ?? 1;
}

/** Whether a process has ended as one does that was asked to, or that another has left for that. */
function isOfStop({ code }: Ended, { lost, stops }: ExitCodes): boolean {
  return code === null || code === lost || stops.includes(code);
}

/** What all have ended with where one of them, here or on another machine, was asked to stop. */
function agreedStop(ended: readonly Ended[], { stops }: ExitCodes): number | undefined {
  const [first] = ended;
  const same = ended.every(({ code, told }) => !told && code === first?.code);
  return stops.find((exit) => same && exit === first?.code);
}

function describe({ rank, code, signal }: Ended): string {
  return `rank ${rank} ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`;
}

async function runOnce(plan: Launch, listener: LaunchListener): Promise<Ended[]> {
  const { processes, nodes, node } = plan;
  // Other machines' processes have the one that people gave all of them, if any.
  const tokens = nodes === 1 ? tokenVariables(plan.environment) : {};
  const meeting = plan.meeting ?? { host: "127.0.0.1", port: await freePort() };
  const children = Array.from({ length: processes }, (_, local) => {
    const rank = node * processes + local;
    const environment = {
      ...withoutRanks(plan.environment),
      ...launcherVariables(),
      ...tokens,
      ...{ RANK: String(rank), WORLD_SIZE: String(nodes * processes), LOCAL_RANK: String(local) },
      ...{ MASTER_ADDR: meeting.host, MASTER_PORT: String(meeting.port) },
    };
    // The first speaks for all: it has the terminal.
    const stdio: StdioOptions = local === 0 ? "inherit" : ["ignore", "pipe", "pipe"];
    const child = spawn(plan.command, plan.args, { env: environment, stdio });
    for (const stream of [child.stdout, child.stderr])
      if (stream !== null) follow(stream, (text) => listener.line(rank, text));
    return { rank, child };
  });
  const pass = (name: NodeJS.Signals) => {
    for (const { child } of children) child.kill(name);
  };
  listener.signals.on("signal", pass);
  // It came before there was anybody to hear it.
  if (listener.stop.signal.aborted) pass("SIGTERM");
  try {
    return await allEnded(children);
  } finally {
    listener.signals.off("signal", pass);
  }
}

function follow(stream: Readable, line: (text: string) => void): void {
  createInterface({ input: stream }).on("line", line);
}

interface Child {
  readonly rank: number;
  readonly child: ChildProcess;
}

/** Waits for all; where one has failed, the others are told to end that do not by themselves, and then killed. */
async function allEnded(children: readonly Child[]): Promise<Ended[]> {
  const timers: NodeJS.Timeout[] = [];
  const signalAll = (name: NodeJS.Signals) => {
    for (const { child } of children) child.kill(name);
  };
  const told = new Set<number>();
  const tellAll = () => {
    for (const { rank, child } of children)
      if (child.exitCode === null && child.signalCode === null) told.add(rank);
    signalAll("SIGTERM");
  };
  const endings = children.map(async ({ rank, child }): Promise<Ended> => {
    try {
      const closed = once(child, "close");
      // Where it cannot be started there is no exit, and the next line says so.
      closed.catch(() => undefined);
      const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
      if (code !== 0 && timers.length === 0)
        timers.push(setTimeout(tellAll, toldMs), setTimeout(signalAll, graceMs, "SIGKILL"));
      // What it said last may still be on its way. A process of its own that has its streams may keep them open.
      await Promise.race([closed, sleep(lastWordsMs, undefined, { ref: false })]);
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      return { rank, code, signal, told: told.has(rank) };
    } catch (error) {
      signalAll("SIGKILL");
      throw new UserError(
        `command ${child.spawnfile}`,
        error instanceof Error ? error.message : String(error),
        "a program that can be started",
        "give the command after --, as in: bit-launch --nproc 2 -- bit-train --model ...",
        { cause: error },
      );
    }
  });
  try {
    return await Promise.all(endings);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** What another launcher said of this process is not said of those that it starts. */
function withoutRanks(environment: Environment): Environment {
  const kept = Object.entries(environment).filter(([name]) => !rankVariables.includes(name));
  return Object.fromEntries(kept);
}
