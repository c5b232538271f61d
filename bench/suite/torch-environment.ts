/** PyTorch in a virtual environment of its own in the cache folder; nothing else on the machine changes. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UserError } from "../../src/errors.js";
import { findPip } from "../../src/setup/tools.js";
import { run } from "./child.js";

/**
 * The Python of an environment that has what a requirements file lists; made where it is not there.
 * @param requirements a file as pip takes it, with exact versions
 * @param cache the environment's parent folder
 * @param note told what is going on, in lines
 * @throws UserError where Python, venv or pip is missing or fails
 */
export async function torchPython(
  requirements: string,
  cache: string,
  note: (line: string) => void,
): Promise<string> {
  const wanted = await readFile(requirements);
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, 8);
  const folder = join(cache, `torch-${hash}`);
  const python = join(folder, "bin", "python");
  const complete = join(folder, "complete");
  if (existsSync(complete)) return python;

  const system = await findPip();
  note(`Making ${folder} ...`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(dirname(folder), { recursive: true });
  const made = await run({ program: system, args: ["-m", "venv", folder] });
  if (made.status !== 0)
    throw new UserError(
      `${system} -m venv`,
      lastLines(made.stdout + made.stderr),
      "a new virtual environment",
      "install it: sudo apt install python3-venv   (Debian, Ubuntu)",
    );
  note("Installing PyTorch with pip: some hundred megabytes, once ...");
  const begun = Date.now();
  const heartbeat = setInterval(() => {
    note(`... pip is still at it after ${Math.round((Date.now() - begun) / 1000)} s`);
  }, 20_000);
  const args = ["-m", "pip", "install", "--disable-pip-version-check", "-r", requirements];
  const installed = await run({ program: python, args }).finally(() => clearInterval(heartbeat));
  if (installed.status !== 0)
    throw new UserError(
      `pip install -r ${requirements}`,
      lastLines(installed.stdout + installed.stderr),
      "the packages it lists",
      "check the network, the disk and the Python version, then type the command again",
    );
  await writeFile(complete, wanted);
  return python;
}

function lastLines(output: string): string {
  return `failed:\n${output.trimEnd().split("\n").slice(-8).join("\n")}`;
}
