/**
 * Who is at work in the cache folder. Temporary folders and the lock carry their owner in their name
 * or content, so that what a dead process left can be told from what a living one makes.
 */
import { readFileSync } from "node:fs";
import { hostname } from "node:os";

/** When a process started, in clock ticks since boot: tells two users of one pid apart. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name stands in parentheses and may hold anything; the start is field 22.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function hostTag(): string {
  return hostname().replace(/[^A-Za-z0-9.-]/g, "_");
}

/** `host@pid@ticks` of this process. */
export function ownerTag(pid: number = process.pid): string {
  return `${hostTag()}@${pid}@${startTicks(pid) ?? "0"}`;
}

/**
 * Whether the owner still runs.
 * @returns `unknown` for another host (a home folder on a network, a container) or another format
 */
export function ownerState(tag: string): "alive" | "dead" | "unknown" {
  const [host, pid, ticks] = tag.split("@");
  if (host !== hostTag() || pid === undefined || ticks === undefined) return "unknown";
  return startTicks(Number(pid)) === ticks ? "alive" : "dead";
}
