/** Child processes of the check: each with a limit of its own, ended with all its children. */
import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import { createInterface } from "node:readline";
import { type Finding, readFinding } from "./finding.js";

export interface Job {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Seconds after which it is killed. */
  readonly limit: number;
  /** How much of the processor it leaves to others; 0 is as much as it can have. */
  readonly nice?: number;
}

export interface JobListener {
  finding(finding: Finding): void;
  /** Any other line that the job prints. */
  line(name: string, line: string): void;
}

export interface JobEnd {
  readonly name: string;
  readonly seconds: number;
  /** Undefined where it ended well. */
  readonly trouble: string | undefined;
}

const running = new Set<number>();

/** Ends whatever still runs. */
export function endAll(): void {
  for (const pid of running) kill(pid);
}

export function runJob(job: Job, listener: JobListener): Promise<JobEnd> {
  const start = performance.now();
  return new Promise((resolve) => {
    const child = spawn(job.command, job.args, {
      detached: true,
      env: { ...process.env, ...job.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let trouble: string | undefined;
    if (child.pid !== undefined) {
      running.add(child.pid);
      if (job.nice) setPriority(child.pid, job.nice);
    }
    const timer = setTimeout(() => {
      trouble = `not finished within ${job.limit.toFixed(0)} s`;
      if (child.pid !== undefined) kill(child.pid);
    }, 1000 * job.limit);
    let last = "";
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        const finding = readFinding(line);
        if (finding !== undefined) return listener.finding(finding);
        if (/^\w*(Error|Exception)\b|^terminate|^F\d{4} /.test(line) && line.length < 2000)
          last = line;
        listener.line(job.name, line);
      });
    }
    const finish = (why: string | undefined) => {
      clearTimeout(timer);
      if (child.pid !== undefined) {
        kill(child.pid);
        running.delete(child.pid);
      }
      trouble ??= why;
      resolve({ name: job.name, seconds: (performance.now() - start) / 1000, trouble });
    };
    child.once("error", (error) => finish(error.message));
    child.once("close", (code, signal) => {
      finish(code === 0 ? undefined : `ended with ${code ?? signal}: ${last.slice(0, 300)}`);
    });
  });
}

function kill(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
