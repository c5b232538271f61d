/** Downloads by pip and npm, with a byte count that is seen from outside: the folder grows. */
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "./command.js";
import { explainPip } from "./failures.js";
import type { SetupReporter } from "./reporter.js";

/** The oldest glibc is TensorFlow's own demand; newer ones only admit NVIDIA's newer wheels. */
const GLIBC_MINORS = [28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17];

/**
 * pip's arguments that choose the wheel for this processor and for CPython 3.11, whichever Python runs
 * pip: the libraries inside do not depend on Python at all.
 */
export function pipDownloadArguments(
  requirement: string,
  destination: string,
  arch: string = process.arch,
): string[] {
  const machine = arch === "arm64" ? "aarch64" : "x86_64";
  const platforms = [
    ...GLIBC_MINORS.map((minor) => `manylinux_2_${minor}_${machine}`),
    `manylinux2014_${machine}`,
  ];
  return [
    "-m",
    "pip",
    "download",
    "--no-deps",
    "--only-binary=:all:",
    // The engine is the cache; pip's own would keep a second copy, and packs it in memory first.
    "--no-cache-dir",
    "--disable-pip-version-check",
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    ...platforms.flatMap((platform) => ["--platform", platform]),
    "--dest",
    destination,
    requirement,
  ];
}

/** The bytes in a folder and its subfolders; files that vanish meanwhile do not count. */
async function folderBytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  let bytes = 0;
  for (const name of names) {
    const entry = await stat(join(folder, name)).catch(() => undefined);
    if (entry?.isFile()) bytes += entry.size;
  }
  return bytes;
}

/**
 * Reports how far folders have grown until the work ends.
 * @param folders the fullest one counts: pip writes to one and then copies to the other
 * @param stallMs calls onStall when nothing has grown for so long
 */
export async function watchGrowth<T>(
  work: Promise<T>,
  options: {
    folders: readonly string[];
    label: string;
    totalBytes: number | undefined;
    reporter: SetupReporter;
    stallMs?: number;
    onStall?: () => void;
  },
): Promise<T> {
  const counter = options.reporter.bytes(options.label, options.totalBytes);
  let mostBytes = 0;
  let grewAtMs = Date.now();
  let isMeasuring = false;
  const measure = async () => {
    if (isMeasuring) return;
    isMeasuring = true;
    const bytes = Math.max(...(await Promise.all(options.folders.map(folderBytes))));
    isMeasuring = false;
    if (bytes > mostBytes) {
      mostBytes = bytes;
      grewAtMs = Date.now();
      counter.update(bytes);
    } else if (options.stallMs !== undefined && Date.now() - grewAtMs > options.stallMs) {
      options.onStall?.();
    }
  };
  const timer = setInterval(() => void measure(), 300);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    counter.done();
  }
}

export interface WheelRequest {
  readonly python: string;
  readonly requirement: string;
  /** A new folder: pip works and leaves the wheel in it, on the cache's disk. */
  readonly folder: string;
  readonly totalBytes: number | undefined;
  readonly reporter: SetupReporter;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads one wheel.
 * @returns its path
 * @throws UserError with pip's last lines when pip fails
 */
export async function downloadWheel(request: WheelRequest): Promise<string> {
  const { python, requirement, folder, reporter, signal } = request;
  const destination = join(folder, "wheel");
  const temporary = join(folder, "pip");
  await mkdir(destination, { recursive: true });
  await mkdir(temporary, { recursive: true });
  const pip = runCommand(python, pipDownloadArguments(requirement, destination), {
    // A /tmp in memory is often too small for these wheels.
    env: { ...process.env, TMPDIR: temporary, PIP_REQUIRE_VIRTUALENV: "0", PIP_NO_INPUT: "1" },
    signal,
  });
  const label = `downloading ${requirement.split(/[<>=!~]/, 1)[0]}`;
  const result = await watchGrowth(pip, {
    folders: [destination, temporary],
    label,
    totalBytes: request.totalBytes,
    reporter,
  });
  const wheel = (await readdir(destination)).find((name) => name.endsWith(".whl"));
  if (result.status !== 0 || wheel === undefined) throw explainPip(requirement, result);
  return join(destination, wheel);
}
