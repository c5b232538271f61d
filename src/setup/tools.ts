/** The programs that a set-up needs from the machine: Python's pip and a C++ compiler. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { UserError } from "../errors.js";
import { lastLines, runCommand } from "./command.js";

/** "apt on Debian and Ubuntu, dnf on Fedora", with the package's name in each. */
function installHint(debian: string, fedora: string): string {
  return `sudo apt install ${debian}   (Debian, Ubuntu)   or   sudo dnf install ${fedora}   (Fedora)`;
}

/** The first pip that takes several --platform and their tags as they are given. */
const OLDEST_PIP = { major: 20, minor: 3 } as const;

/** A Python 3 without a pip that serves. */
interface Unfit {
  readonly command: string;
  /** The version of a pip that is too old; undefined where there is none or it does not run. */
  readonly pip: string | undefined;
  readonly output: string;
}

/**
 * Finds a Python 3 that has pip: the first on the PATH, so that one without, as in an environment that
 * uv made, does not hide the system's. Only pip is used: it downloads the wheel; Python runs nothing.
 * @returns the command, as its path
 * @throws UserError when Python 3 or its pip is missing, or pip is too old
 */
export async function findPip(
  signal?: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const commands = ["python3", "python"].flatMap((name) =>
    folders.map((folder) => join(folder, name)).filter((path) => existsSync(path)),
  );
  let unfit: Unfit | undefined;
  for (const command of new Set(commands)) {
    const version = await runCommand(command, ["--version"], { env, signal });
    if (version.status !== 0 || !version.output.startsWith("Python 3")) continue;
    const told = await runCommand(command, ["-m", "pip", "--version"], { env, signal });
    const [, pip, major, minor] = /^pip ((\d+)(?:\.(\d+))?\S*)/m.exec(told.stdout) ?? [];
    if (told.status === 0 && !isTooOld(Number(major), Number(minor ?? 0))) return command;
    unfit ??= { command, pip: told.status === 0 ? pip : undefined, output: told.output };
  }
  if (unfit !== undefined) throw await withoutPip(unfit, env, signal);
  throw new UserError(
    "python3",
    "Python 3 was not found on the PATH",
    "Python 3 with pip, at set-up only; it downloads the native library",
    installHint("python3 python3-pip", "python3 python3-pip"),
  );
}

/** A pip that does not tell its version is taken as it is. */
function isTooOld(major: number, minor: number): boolean {
  if (Number.isNaN(major) || major > OLDEST_PIP.major) return false;
  return major < OLDEST_PIP.major || minor < OLDEST_PIP.minor;
}

/** Prints where a Python belongs: `uv`, `venv` or `system`. */
const KIND_SCRIPT = `import os, sys
within = sys.prefix != sys.base_prefix
path = os.path.join(sys.prefix, "pyvenv.cfg")
lines = open(path).read().splitlines() if within and os.path.exists(path) else []
print("uv" if any(l.startswith("uv = ") for l in lines) else "venv" if within else "system")`;

async function withoutPip(
  { command, pip, output }: Unfit,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<UserError> {
  const asked = await runCommand(command, ["-c", KIND_SCRIPT], { env, signal });
  const kind = asked.status === 0 ? asked.stdout.trim() : "system";
  const isMissing = /No module named '?pip\b/.test(output);
  const oldest = `${OLDEST_PIP.major}.${OLDEST_PIP.minor}`;
  const broken = isMissing ? "pip is missing" : "pip does not run";
  return new UserError(
    `${command} -m pip`,
    pip === undefined
      ? `${broken}${kind === "uv" ? ", as in environments that uv makes" : ""}:\n${lastLines(output, 3)}`
      : `it is pip ${pip}, which is too old`,
    `Python 3 with pip ${oldest} or newer; it downloads the native library`,
    pipHint(command, kind, pip !== undefined),
  );
}

/** What to type for a pip, or a newer one, of a Python of some kind. */
function pipHint(command: string, kind: string, hasPip: boolean): string {
  if (kind === "uv") return `type: uv pip install --python ${command} --upgrade pip`;
  if (hasPip)
    return `type: ${command} -m pip install ${kind === "venv" ? "" : "--user "}--upgrade pip`;
  if (kind === "venv")
    return `type: ${command} -m ensurepip --upgrade   or leave this environment by: deactivate`;
  return installHint("python3-pip", "python3-pip");
}

/**
 * Finds a C++ compiler: `$CXX` (which may carry arguments, as in `ccache g++`), c++, g++, clang++.
 * @returns the command and its leading arguments
 * @throws UserError when none works
 */
export async function findCompiler(
  env: NodeJS.ProcessEnv = process.env,
  signal?: AbortSignal,
): Promise<readonly [string, ...string[]]> {
  const chosen = env["CXX"]?.trim();
  const candidates = chosen ? [chosen] : ["c++", "g++", "clang++"];
  for (const candidate of candidates) {
    const [command, ...args] = candidate.split(/\s+/);
    if (command === undefined) continue;
    const version = await runCommand(command, [...args, "--version"], { env, signal });
    if (version.status === 0) return [command, ...args];
  }
  throw new UserError(
    "C++ compiler",
    chosen
      ? `CXX is ${JSON.stringify(chosen)}, and that does not run`
      : "none of c++, g++ and clang++ was found on the PATH",
    "a C++17 compiler, at set-up only; it builds the 80 kB between Node and TensorFlow",
    chosen
      ? `unset CXX, or set it to a compiler; to install one: ${installHint("g++", "gcc-c++")}`
      : installHint("g++", "gcc-c++"),
  );
}
