/** What Linux tells of this machine's processor. */
import { readFileSync } from "node:fs";

/** The text of Linux's /proc/cpuinfo, empty where there is none. */
export function readCpuinfo(): string {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return "";
  }
}

/** The instructions of the first processor of such a text, as in `avx2`; on Arm its features. */
export function processorFlags(cpuinfo: string): string[] {
  const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo) ?? [];
  return flags.split(/\s+/).filter((flag) => flag !== "");
}
