/** The sample's run and its exports, by the programs that people start. */
import { basename, dirname, join } from "node:path";
import { mustRun } from "../../bench/suite/child.js";
import { repositoryRoot } from "../fixture-path.js";
import { once } from "./once.js";

/** Starts a program of bin/, such as `bit-export`. Throws Error with its standard error where it fails. */
export async function program(name: string, args: readonly string[]): Promise<string> {
  const script = join(repositoryRoot, "bin", `${name}.js`);
  return (await mustRun({ program: process.execPath, args: [script, ...args] })).stdout;
}

/** As `bit-train sample` trains, without the run from scratch that it compares with. */
const recipe =
  "--model sample-R14x0.5 --dataset sample --batch 32 --resolution 54 --crop 48 --steps 100";

/** The folder of a run on the sample: a model fine-tuned to five classes, which it names. */
export function sampleRun(): Promise<string> {
  return once("sample-run", (path) =>
    program("bit-train", [
      ...recipe.split(" "),
      ...["--bit_pretrained_dir", join(repositoryRoot, "sample")],
      ...["--logdir", dirname(path), "--name", basename(path)],
    ]),
  );
}

/** An export of the sample's run, made once: the folder that `bit-export` wrote. */
export async function exported(format: string, flags: readonly string[] = []): Promise<string> {
  const run = await sampleRun();
  const name = ["export", format, ...flags].join("").replace(/[^a-z0-9]+/gi, "-");
  return await once(name, (path) =>
    program("bit-export", [run, "--to", format, ...flags, "--out", path]),
  );
}
