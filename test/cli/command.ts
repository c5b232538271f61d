/** Runs the commands: as users do, in a process of their own, or here, which is quicker. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { mock } from "node:test";
import { runMain } from "../../src/cli/exit.js";
import { output } from "../../src/cli/output.js";
import { runProgram } from "../../src/cli/run-command.js";
import { repositoryRoot } from "../fixture-path.js";

export interface CommandResult {
  readonly code: number | null;
  /** The signal that ended the process, if one did. */
  readonly signal?: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface BinOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the process when it has started. */
  readonly started?: (child: ChildProcess) => void;
}

/** Runs `bin/<name>.js`. */
export function runBin(
  name: string,
  args: readonly string[],
  { env = {}, started }: BinOptions = {},
): Promise<CommandResult> {
  const script = join(repositoryRoot, "bin", `${name}.js`);
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...env } });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  started?.(child);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Runs a command's main function in this process, with all that a bin script does around it. */
export async function runHere(
  main: (argv: readonly string[]) => Promise<number>,
  args: readonly string[],
): Promise<CommandResult> {
  const lines = { out: [] as string[], errors: [] as string[] };
  const captures = (["result", "line", "note"] as const).map((name) => {
    const to = name === "note" ? lines.errors : lines.out;
    return mock.method(output, name, (text: string) => void to.push(text));
  });
  const before = process.exitCode;
  try {
    await runMain(() => main(args));
    const code = Number(process.exitCode);
    return { code, stdout: lines.out.join("\n"), stderr: lines.errors.join("\n") };
  } finally {
    for (const capture of captures) capture.mock.restore();
    process.exitCode = before;
  }
}

/** A program of bin/ for `runHere`. */
function program(name: string) {
  return (argv: readonly string[]) => runProgram(name, argv);
}

export const bitTrain = program("bit-train");
export const bitEval = program("bit-eval");
export const bitPredict = program("bit-predict");
export const bitFind = program("bit-find");
export const bitData = program("bit-data");
export const bitDownload = program("bit-download");
export const bitReport = program("bit-report");

/** What `bit-predict --json` says of an image. */
export interface PredictedImage {
  readonly source: string;
  readonly index?: number;
  readonly top: readonly { class: number; name: string; probability: number }[];
  readonly skipped?: string;
}

/** The lines of `bit-predict --json` as one value. */
export function predictionsIn(stdout: string): {
  readonly size: number | null;
  readonly count: number;
  readonly skipped: number;
  readonly predictions: readonly PredictedImage[];
} {
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { type: first, ...start } = rows.shift();
  const { type: last, ...end } = rows.pop();
  const predictions = rows.map(({ type, ...row }) => {
    if (type !== "image") throw new Error(`a line of type ${type} among the images`);
    return row;
  });
  if (first !== "start" || last !== "end") throw new Error(`from ${first} to ${last}`);
  return { ...start, predictions, ...end };
}
