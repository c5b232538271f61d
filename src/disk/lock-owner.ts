/** Who holds a lock, and whether that process still lives. */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";
import { systemErrorCode } from "../errors.js";

const ownerSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** Where the pid means something; null where the system does not say, absent in earlier locks. */
  machine: z.string().nullish(),
  /** Numbers of processes are used again; null where the system does not say. */
  started: z.string().nullable(),
  purpose: z.string(),
  /** Tells this lock from every other. */
  token: z.string(),
  /** Whether the owner writes the lock anew every so often; absent in earlier locks. */
  renewed: z.boolean().optional(),
});

export type LockOwner = z.infer<typeof ownerSchema>;

/** This process, with a token of its own. */
export function thisProcess(purpose: string): LockOwner {
  const { pid } = process;
  return {
    pid,
    host: hostname(),
    machine: bootAndContainer() ?? null,
    started: statusOf(pid)?.started ?? null,
    purpose,
    token: randomUUID(),
    renewed: true,
  };
}

/** Eight hexadecimal digits that tell this machine since its start, and this container, from others. */
export function machineTag(): string {
  tag ??= createHash("sha256")
    .update(bootAndContainer() ?? hostname())
    .digest("hex")
    .slice(0, 8);
  return tag;
}

let tag: string | undefined;

/** @returns undefined for what is no lock's text */
export function parseOwner(text: string): LockOwner | undefined {
  try {
    return ownerSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Whether the owner's number is one of this machine's, so that it can be looked for. */
export function isOfThisMachine({ host, machine }: LockOwner): boolean {
  const here = bootAndContainer();
  return here && machine ? machine === here : host === hostname();
}

/** Whether an owner of this machine lives. */
export function isAlive({ pid, started }: Pick<LockOwner, "pid" | "started">): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is another user's.
    if (systemErrorCode(error) === "ESRCH") return false;
  }
  const now = statusOf(pid);
  if (now === undefined) return true;
  return !/[ZX]/.test(now.state) && (started === null || started === now.started);
}

/**
 * The machine's start, and the container within it: two containers, and two machines of one name,
 * number their processes each by themselves. Undefined where the system does not say. Source:
 * proc(5), pid_namespaces(7).
 */
function bootAndContainer(): string | undefined {
  try {
    return `${bootId()}/${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}

/**
 * What the system says of a process: its state (`Z` where it has ended, but its parent has not
 * asked how), and when it was started: the machine's start and the clock ticks since. Undefined
 * where the system does not say. Source: proc(5), /proc/pid/stat, fields 3 and 22.
 */
function statusOf(pid: number): { state: string; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the program's name in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0]!, started: `${bootId()}/${fields[22 - 3]}` };
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}
