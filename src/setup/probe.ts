/** Proves that an engine works by loading it once, in a process of its own. */
import { fileURLToPath } from "node:url";
import { lastLines, runCommand } from "./command.js";

export interface ProbeReply {
  /** TensorFlow's own word, such as `2.21.0`. */
  readonly version: string;
  /** Whether TensorFlow has found a GPU that it can use. */
  readonly gpu: boolean;
}

export type Probe =
  | { readonly usable: true; readonly version: string; readonly gpu: boolean; readonly log: string }
  | { readonly usable: false; readonly reason: string };

const CHILD = fileURLToPath(new URL("./probe-child.js", import.meta.url));

/**
 * @param bindingPath the compiled `tfjs_binding.node`
 * @param addons others to load after it: our own, where the engine has them
 */
export async function probeBinding(
  bindingPath: string,
  addons: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Probe> {
  const result = await runCommand(process.execPath, [CHILD, bindingPath, ...addons], { signal });
  const line = result.stdout.split("\n").find((text) => text.startsWith('{"version"'));
  if (result.status === 0 && line !== undefined) {
    const reply = JSON.parse(line) as ProbeReply;
    return { usable: true, ...reply, log: result.output.replace(line, "").trim() };
  }
  return { usable: false, reason: explain(result.killedBy, result.output) };
}

function explain(killedBy: NodeJS.Signals | undefined, output: string): string {
  const lines = lastLines(output, 6);
  if (killedBy === "SIGILL" || /compiled to use .* instructions/.test(output))
    return `this processor lacks instructions that TensorFlow's builds need (AVX):\n${lines}`;
  if (/GLIBC(XX)?_[\d.]+' not found/.test(output))
    return `the system's C or C++ library is too old for TensorFlow (it needs glibc 2.27):\n${lines}`;
  if (/failed to map segment/.test(output))
    return `the cache folder lies on a disk mounted noexec; set BIT_CACHE to another one:\n${lines}`;
  // Node prints the cause in the midst of a stack; the line with the message is what tells.
  const message = /^(?:\w*Error): .*$/m.exec(output)?.[0];
  if (message !== undefined) return message;
  return killedBy === undefined ? `loading it failed:\n${lines}` : `${killedBy}:\n${lines}`;
}
