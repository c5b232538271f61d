/** Runs other programs so that none outlives the set-up. */
import { spawn } from "node:child_process";

/** How a program ended, and what it said. */
export interface CommandResult {
  /** The exit status; undefined when the program could not be started or was killed. */
  readonly status: number | undefined;
  readonly killedBy: NodeJS.Signals | undefined;
  /** `ENOENT` and the like, when the program could not be started. */
  readonly startError: string | undefined;
  readonly stdout: string;
  /** Standard output and error, in the order in which they came. */
  readonly output: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Kills the program and all that it started. */
  readonly signal?: AbortSignal | undefined;
}

const running = new Set<number>();

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended already.
  }
}

// An exit that nobody could foresee (a second Ctrl-C) must not leave a download running.
function killAll(): void {
  for (const pid of running) killGroup(pid, "SIGKILL");
}

/**
 * Runs a program to its end, in a process group of its own, without standard input.
 * @throws the signal's reason when it is aborted; a failing program is a result, not an error
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { signal } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const { pid } = child;
  if (pid !== undefined) {
    if (running.size === 0) process.once("exit", killAll);
    running.add(pid);
  }
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  let killTimer: NodeJS.Timeout | undefined;
  const abort = () => {
    if (pid === undefined) return;
    killGroup(pid, "SIGTERM");
    killTimer = setTimeout(() => killGroup(pid, "SIGKILL"), 2000);
  };
  signal?.addEventListener("abort", abort, { once: true });
  const result = await new Promise<CommandResult>((resolve) => {
    const end = (part: Pick<CommandResult, "status" | "killedBy" | "startError">) =>
      resolve({ ...part, stdout, output });
    child.once("error", (error: NodeJS.ErrnoException) =>
      end({ status: undefined, killedBy: undefined, startError: error.code ?? error.message }),
    );
    child.once("close", (status, killedBy) =>
      end({ status: status ?? undefined, killedBy: killedBy ?? undefined, startError: undefined }),
    );
  });
  signal?.removeEventListener("abort", abort);
  clearTimeout(killTimer);
  if (pid !== undefined) {
    // After an abort a grandchild may still hold on; nothing of the group is to stay.
    if (signal?.aborted) killGroup(pid, "SIGKILL");
    running.delete(pid);
    if (running.size === 0) process.removeListener("exit", killAll);
  }
  signal?.throwIfAborted();
  return result;
}

/** The last lines of a program's output, for an error message, each indented. */
export function lastLines(output: string, count = 8): string {
  const lines = output
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
  return lines
    .slice(-count)
    .map((line) => `    ${line}`)
    .join("\n");
}
