/** How many threads TensorFlow computes an operation by on the CPU: some of its sums are divided among them. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { UserError } from "../errors.js";

/**
 * What `TF_NUM_INTRAOP_THREADS` says, else the cores that this process may use. Source: TensorFlow's
 * core/common_runtime/local_device.cc, which asks sched_getaffinity; Node may count fewer, by a container's share.
 * @param status Linux's /proc/self/status; empty where there is none
 */
export function tensorflowThreads(
  environment: NodeJS.ProcessEnv = process.env,
  status: string = ownStatus(),
): number {
  const set = environment["TF_NUM_INTRAOP_THREADS"]?.trim() ?? "";
  if (/^[1-9]\d*$/.test(set)) return Number(set);
  const [, cores] = /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(status) ?? [];
  return cores === undefined ? availableParallelism() : countOf(cores);
}

/**
 * Refuses numbers of threads that TensorFlow takes for others without a word, or by which it ends the process.
 * @throws UserError
 */
export function requireThreadCounts(environment: NodeJS.ProcessEnv = process.env): void {
  // Where operations are told to share the calling thread, that is a number, too.
  const possible = { TF_NUM_INTRAOP_THREADS: /^\d{1,4}$/, TF_NUM_INTEROP_THREADS: /^-?\d{1,4}$/ };
  for (const [name, numbers] of Object.entries(possible)) {
    const set = environment[name]?.trim() ?? "";
    if (set === "" || numbers.test(set)) continue;
    throw new UserError(
      name,
      `"${set}"`,
      "a whole number of threads",
      `unset it for one a core: unset ${name}`,
    );
  }
}

/** How many numbers a list as `0-3,8` has. */
function countOf(list: string): number {
  return list.split(",").reduce((sum, range) => {
    const [from, to = from] = range.split("-").map(Number);
    return sum + to! - from! + 1;
  }, 0);
}

function ownStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
