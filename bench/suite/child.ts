/** Child processes in which things are measured. None outlives this process. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Outcome } from "./report.js";

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** Added to this process's environment variables. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** One that takes longer hangs, and would hold up all the rest: it is killed. Default: `usualLimitMs`. */
  readonly limitMs?: number;
}

export interface Ending {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Flags and their values, as a command takes them. */
export function flagWords(flags: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]);
}

const running = new Set<ChildProcess>();

function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** No step, read or pipeline takes so long. */
const usualLimitMs = 20 * 60_000;

/**
 * Starts a program without standard input.
 * @returns the process, and what comes of it. The latter throws where the program cannot be started
 */
export function start({ program, args, environment, folder, limitMs = usualLimitMs }: Command): {
  child: ChildProcess;
  ended: Promise<Ending>;
} {
  const child = spawn(program, [...args], {
    env: { ...process.env, ...environment },
    ...(folder === undefined ? {} : { cwd: folder }),
    stdio: ["ignore", "pipe", "pipe"],
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  if (running.size === 0) process.once("exit", killAll);
  running.add(child);
  const ended = (async () => {
    try {
      const [stdout, stderr, [status, signal]] = await Promise.all([
        textOf(child.stdout!),
        textOf(child.stderr!),
        new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
          child.once("error", reject);
          child.once("close", (...end) => resolve(end));
        }),
      ]);
      return { status, signal, stdout, stderr };
    } finally {
      running.delete(child);
      if (running.size === 0) process.removeListener("exit", killAll);
    }
  })();
  return { child, ended };
}

/** Runs a program to its end. */
export function run(command: Command): Promise<Ending> {
  return start(command).ended;
}

/** As `run`. Throws Error where the program fails. */
export async function mustRun(command: Command): Promise<Ending> {
  const ending = await run(command);
  if (ending.status === 0) return ending;
  const typed = `${command.program} ${command.args.join(" ")}`;
  throw new Error(`${typed} ended with ${ending.status ?? ending.signal}:\n${ending.stderr}`);
}

/**
 * Runs a program that prints a report as JSON.
 * @throws Error where it fails; one that is killed, as for want of memory, is only missing
 */
export async function reportOf(command: Command): Promise<Outcome> {
  const { status, signal, stdout, stderr } = await run(command);
  if (signal !== null)
    return { missing: `ended by ${signal}${signal === "SIGKILL" ? ": too little memory?" : ""}` };
  if (status !== 0)
    throw new Error(
      `${command.program} ${command.args.join(" ")} ended with ${status}:\n${stderr}`,
    );
  return JSON.parse(stdout) as Outcome;
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
