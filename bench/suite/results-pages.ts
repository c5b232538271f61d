/** The pages of results: one for each kind of processor, the newest run of each, and their list. */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { markdownTable } from "../../src/bench/markdown.js";
import type { ProcessorKind } from "./processor-kind.js";

/**
 * Writes `bench/results/<kind>.md`, in place of what an earlier run found on such a processor, and the list of all
 * such pages, `bench/RESULTS.md`.
 * @param root the repository
 * @returns the page that was written
 */
export async function writeResults(
  root: string,
  kind: ProcessorKind,
  lines: readonly string[],
): Promise<string> {
  const folder = join(root, "bench/results");
  await mkdir(folder, { recursive: true });
  const page = join(folder, `${kind.name}.md`);
  await writeFile(page, `${[`# Results: ${kind.words}`, "", ...lines].join("\n")}\n`);
  await writeFile(join(root, "bench/RESULTS.md"), await resultsList(folder));
  return page;
}

/** The text of the list: a row for each page of the folder, in the order of their names. */
export async function resultsList(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".md")).sort();
  const rows = await Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), "utf8");
      const words = /^# Results: (.*)$/m.exec(text)?.[1] ?? name;
      const processor = /^- (.*), \d+ cores, /m.exec(text)?.[1] ?? "";
      const torch = /^- (PyTorch \S+)/m.exec(text)?.[1] ?? "";
      const reached = (word: RegExp) => text.split("\n").filter((line) => word.test(line)).length;
      const [yes, no] = [reached(/^\|.*\| yes +\|$/), reached(/^\|.*\| no: .*\|$/)];
      return [`[${words}](results/${name})`, processor, torch, `${yes} of ${yes + no}`];
    }),
  );
  const header = ["kind of processor", "measured on", "beside", "targets reached"];
  const lines = ["# Results", "", "The newest run on each kind of processor.", ""];
  return `${[...lines, ...markdownTable(header, rows, 4)].join("\n")}\n`;
}
