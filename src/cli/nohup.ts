/** `nohup`, and shells that were told to ignore a closed terminal. */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/**
 * Lets the process outlive its terminal where it was started to do so. Node itself ends by SIGHUP even
 * where that was ignored when it was started, and does not tell: nohup is known by its marks.
 */
export function respectNohup(): void {
  if (isHangupIgnored() && process.listenerCount("SIGHUP", ignore) === 0)
    process.on("SIGHUP", ignore);
}

function ignore(): void {}

let ignored: boolean | undefined;

/** Whether the process was started so that a closed terminal does not end it. */
export function isHangupIgnored(): boolean {
  ignored ??= isShellCommand("nohup") || isInputOfNohup() || isIgnoredAbove();
  return ignored;
}

/** bash, zsh and ksh leave the path of the command that they start in `_`, which nohup passes on. */
function isShellCommand(name: string): boolean {
  return basename(process.env["_"] ?? "") === name;
}

/**
 * Where standard input was a terminal, nohup puts a file there that cannot be read: /dev/null, opened
 * for writing alone. Source: coreutils, nohup.c; proc(5), /proc/pid/fdinfo.
 */
function isInputOfNohup(): boolean {
  const flags = lookedUp(() => readFileSync("/proc/self/fdinfo/0", "utf8"));
  const mode = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(flags ?? "")?.[1] ?? "0", 8) & 3;
  return mode === 1 && lookedUp(() => readlinkSync("/proc/self/fd/0")) === "/dev/null";
}

/** Whether a process that started this one, in the same session, ignores SIGHUP. Source: proc(5). */
function isIgnoredAbove(): boolean {
  const session = processOf("self")?.session;
  for (let above = processOf("self")?.parent; above !== undefined && above > 1; ) {
    const found = processOf(above);
    if (found === undefined || found.session !== session) return false;
    if (found.ignoresHangup) return true;
    above = found.parent;
  }
  return false;
}

function processOf(
  pid: number | "self",
): { parent: number; session: string; ignoresHangup: boolean } | undefined {
  const stat = lookedUp(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const status = lookedUp(() => readFileSync(`/proc/${pid}/status`, "latin1"));
  if (stat === undefined || status === undefined) return undefined;
  // The second field is the program's name in brackets, which may hold anything.
  const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0";
  // A signal's bit is its number less one, and SIGHUP is the first.
  return { parent: Number(parent), session: session!, ignoresHangup: /[13579bdf]$/.test(mask) };
}

/** What the system says; undefined where it does not. */
function lookedUp(ask: () => string): string | undefined {
  try {
    return ask();
  } catch {
    return undefined;
  }
}
