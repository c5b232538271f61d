/** Python programs in environments of pinned packages, which are made at the first use. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { mustRun, run } from "../../bench/suite/child.js";
import { environmentPython } from "../../bench/suite/python-environment.js";
import { UserError } from "../../src/errors.js";
import { repositoryRoot } from "../fixture-path.js";
import { note, readersCache } from "./cache.js";

/** The environments: test/readers/requirements/NAME.in says what each is for. */
export const environments = ["onnx", "onnx-old", "tensorboard", "tensorflow", "torch"] as const;
export type EnvironmentName = (typeof environments)[number];

/** Where Python modules lie that any script may import. */
const modules = join(repositoryRoot, "test", "readers", "modules");

/** Every package is in the lists, and what these leave out is not needed. */
const pinned = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--quiet"];

function requirementsOf(name: string): string {
  return join(repositoryRoot, "test", "readers", "requirements", `${name}.txt`);
}

/** The wheels that are pinned are those of this version. */
const version = "3.11";

/**
 * The path of an environment's Python; the environment is made where it is not there.
 * @throws UserError where that fails
 */
export function pythonOf(name: EnvironmentName): Promise<string> {
  return environmentPython(
    {
      name,
      requirements: requirementsOf(name),
      cache: readersCache,
      python: findPython,
      pip: pinned,
      ...(name === "torch" ? { complete: installTorch } : {}),
    },
    note,
  );
}

/**
 * Runs a Python program in an environment.
 * @param script the program's text, or the path of a file that ends in `.py`; it may import the modules of
 *   test/readers/modules
 * @returns what it printed on standard output
 * @throws Error with its standard error where it fails
 */
export async function python(
  name: EnvironmentName,
  script: string,
  args: readonly string[] = [],
): Promise<string> {
  const program = await pythonOf(name);
  const folder = await mkdtemp(join(tmpdir(), "bit-train-reader-"));
  try {
    const isFile = script.endsWith(".py");
    const file = isFile ? script : join(folder, "script.py");
    if (!isFile) await writeFile(file, script);
    const path = [modules, process.env["PYTHONPATH"]].filter(Boolean).join(delimiter);
    const { stdout } = await mustRun({ program, args: [file, ...args], environment: quiet(path) });
    return stdout;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As `python`; the last line that the program printed is JSON, and is returned read. */
export async function pythonJson(...call: Parameters<typeof python>): Promise<unknown> {
  const lines = (await python(...call)).trimEnd().split("\n");
  return JSON.parse(lines.at(-1)!);
}

/**
 * Runs a module as a program, as `python -m MODULE ARGS`.
 * @returns what it printed on standard output
 * @throws Error with its standard error where it fails
 */
export async function pythonModule(
  name: EnvironmentName,
  module: string,
  args: readonly string[],
): Promise<string> {
  const program = await pythonOf(name);
  const environment = quiet(modules);
  return (await mustRun({ program, args: ["-m", module, ...args], environment })).stdout;
}

/** No downloads at run time, no GPU, no chatter. */
function quiet(path: string): Record<string, string> {
  return {
    PYTHONPATH: path,
    CUDA_VISIBLE_DEVICES: "-1",
    HF_HUB_OFFLINE: "1",
    TF_CPP_MIN_LOG_LEVEL: "2",
  };
}

async function findPython(): Promise<string> {
  for (const program of [`python${version}`, "python3"]) {
    const args = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"];
    const told = await run({ program, args }).catch(() => undefined);
    if (told?.status === 0 && told.stdout.trim() === version) return program;
  }
  throw new UserError(
    "python3",
    `no Python ${version} is on the PATH`,
    `Python ${version} with venv, for which the readers' packages are pinned`,
    `install it: sudo apt install python3-venv   (Debian 12), or uv python install ${version}`,
  );
}

/** PyTorch: its CPU build where pip finds that, else PyPI's, which needs NVIDIA's libraries to be imported. */
async function installTorch(program: string): Promise<void> {
  const install = (name: string) => {
    const args = ["-m", "pip", "install", ...pinned, "-r", requirementsOf(name)];
    return { program, args };
  };
  if ((await run(install("torch-cpu"))).status === 0) return;
  note(
    "pip finds no CPU build of PyTorch; the one for GPUs and its libraries take some gigabytes ...",
  );
  await mustRun(install("torch-gpu"));
}
