/** Python packages in a virtual environment in the cache folder; nothing else on the machine changes. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../src/errors.js";
import { withLock } from "../../src/setup/staging.js";
import { run } from "./child.js";

/** An environment that is wanted. */
export interface Environment {
  /** What it is called: the start of its folder's name. */
  readonly name: string;
  /** A file as pip takes it, with exact versions. */
  readonly requirements: string;
  /** The environments' parent folder. */
  readonly cache: string;
  /** Finds the Python it is made with; asked only where it is made. */
  readonly python: () => Promise<string>;
  /** More arguments for `pip install`. */
  readonly pip?: readonly string[];
  /** What the environment still needs once pip has finished. Given its Python. */
  readonly complete?: (python: string) => Promise<void>;
}

/**
 * The Python of an environment that has what a requirements file lists; made where it is not there, by
 * one process at a time.
 * @param note told what is going on, in lines
 * @throws UserError where Python, venv or pip is missing or fails
 */
export async function environmentPython(
  environment: Environment,
  note: (line: string) => void,
): Promise<string> {
  const { name, requirements, cache } = environment;
  const wanted = await readFile(requirements);
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, 8);
  const folder = join(cache, `${name}-${hash}`);
  const python = join(folder, "bin", "python");
  const complete = join(folder, "complete");
  if (existsSync(complete)) return python;
  return await withLock(
    join(cache, `.${name}-making`),
    async () => {
      if (existsSync(complete)) return python;
      await make(environment, folder, note);
      await writeFile(complete, wanted);
      return python;
    },
    { onWait: () => note(`Another process makes ${folder}; waiting for it ...`) },
  );
}

async function make(
  { name, requirements, cache, python: find, pip = [], complete }: Environment,
  folder: string,
  note: (line: string) => void,
): Promise<void> {
  const system = await find();
  note(`Making ${folder} ...`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const made = await run({ program: system, args: ["-m", "venv", folder] });
  if (made.status !== 0)
    throw new UserError(
      `${system} -m venv`,
      lastLines(made.stdout + made.stderr),
      "a new virtual environment",
      "install it: sudo apt install python3-venv   (Debian, Ubuntu)",
    );
  const python = join(folder, "bin", "python");
  const begun = Date.now();
  const heartbeat = setInterval(() => {
    note(`... pip is still at it after ${Math.round((Date.now() - begun) / 1000)} s`);
  }, 20_000);
  const args = ["-m", "pip", "install", "--disable-pip-version-check", ...pip, "-r", requirements];
  note(`Installing the packages of ${name} with pip, once ...`);
  const installed = await run({ program: python, args }).finally(() => clearInterval(heartbeat));
  if (installed.status !== 0)
    throw new UserError(
      `pip install -r ${requirements}`,
      lastLines(installed.stdout + installed.stderr),
      "the packages it lists",
      "check the network, the disk and the Python version, then type the command again",
    );
  await complete?.(python);
}

function lastLines(output: string): string {
  return `failed:\n${output.trimEnd().split("\n").slice(-8).join("\n")}`;
}
