/** The programs that a set-up needs from the machine: Python's pip and a C++ compiler. */
import { UserError } from "../../errors.js";
import { lastLines, runCommand } from "./command.js";

/** "apt on Debian and Ubuntu, dnf on Fedora", with the package's name in each. */
function installHint(debian: string, fedora: string): string {
  return `sudo apt install ${debian}   (Debian, Ubuntu)   or   sudo dnf install ${fedora}   (Fedora)`;
}

/**
 * Finds a Python 3 that has pip. Only pip is used: it downloads the wheel; Python itself runs nothing.
 * @returns the command, `python3` or `python`
 * @throws UserError when Python 3 or its pip is missing
 */
export async function findPip(signal?: AbortSignal): Promise<string> {
  let pipLess: { command: string; output: string } | undefined;
  for (const command of ["python3", "python"]) {
    const version = await runCommand(command, ["--version"], { signal });
    if (version.status !== 0 || !version.output.startsWith("Python 3")) continue;
    const pip = await runCommand(command, ["-m", "pip", "--version"], { signal });
    if (pip.status === 0) return command;
    pipLess ??= { command, output: pip.output };
  }
  if (pipLess !== undefined)
    throw new UserError(
      `${pipLess.command} -m pip`,
      `pip is missing:\n${lastLines(pipLess.output, 3)}`,
      "Python 3 with pip; it downloads the native library",
      installHint("python3-pip", "python3-pip"),
    );
  throw new UserError(
    "python3",
    "Python 3 was not found on the PATH",
    "Python 3 with pip, at set-up only; it downloads the native library",
    installHint("python3 python3-pip", "python3 python3-pip"),
  );
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
