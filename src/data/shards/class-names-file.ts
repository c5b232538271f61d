/**
 * Names of classes in a text file beside shards: TF-Slim's labels.txt, `0:daisy`; or a list of names, the
 * first of which is label 0, as webdatasets have it.
 */

import { join } from "node:path";
import { readWhole } from "../../disk/file-reading.js";

/** A file of names of classes. */
export interface ClassNamesFile {
  readonly name: string;
  /** By label. */
  readonly names: ReadonlyMap<number, string>;
}

const FILES = ["labels.txt", "classnames.txt", "class_names.txt", "classes.txt"];
const MOST_BYTES = 16 * 1024 * 1024;

/** The first such file in a folder; undefined where there is none, or its lines are no different names. */
export async function readClassNamesFile(folder: string): Promise<ClassNamesFile | undefined> {
  for (const name of FILES) {
    const bytes = await readWhole(join(folder, name), MOST_BYTES).catch(() => undefined);
    if (bytes === undefined) continue;
    const names = namesIn(Buffer.from(bytes).toString("utf8"));
    if (names !== undefined) return { name, names };
  }
  return undefined;
}

function namesIn(text: string): ReadonlyMap<number, string> | undefined {
  const lines = text
    .replace(/^\ufeff/, "")
    .trimEnd()
    .split(/\r?\n/);
  const numbered = lines.map((line) => /^(\d{1,9})\s*:\s*(.+)$/.exec(line.trim()));
  const entries = numbered.every((match) => match !== null)
    ? numbered.map((match) => [Number(match![1]), match![2]!] as const)
    : lines.map((line, label) => [label, line.trim()] as const);
  const names = new Map(entries);
  const different = new Set(names.values());
  return different.size === lines.length && !different.has("") ? names : undefined;
}
