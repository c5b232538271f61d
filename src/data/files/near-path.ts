/** What may be meant where a path of a dataset leads to nothing. */
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { closeNames, perhapsOne } from "../../close-names.js";
import { exists } from "../../disk/file-reading.js";
import { formatOf } from "../shards/shard-names.js";
import { isTableName } from "../tables/tables-in-folder.js";
import { listFolder } from "./class-folders.js";

const mostShown = 5;

/**
 * The next step where nothing is at a path: what beside it has nearly its name, else what there is beside it.
 * @param path as it was typed
 * @param known names that may be typed in its place
 */
export async function correctPath(path: string, known: readonly string[] = []): Promise<string> {
  const { folder, missing, rest, names } = await lastFolderOf(resolve(path));
  const asTyped = (whole: string) => (isAbsolute(path) ? whole : relative(process.cwd(), whole));
  const near: string[] = [];
  for (const name of closeNames(missing, names)) {
    const whole = join(folder, name, rest);
    if (await exists(whole)) near.push(asTyped(whole));
  }
  const meant = perhapsOne([...new Set([...near, ...closeNames(path, known)])]);
  if (meant !== undefined) return `correct it: ${meant}`;
  const more = names.length > mostShown ? `, and ${names.length - mostShown} more` : "";
  const shown = names.slice(0, mostShown).join(", ") || "no folder and no table";
  return `correct it; in ${folder} there is ${shown}${more}`;
}

/** The last folder on the way to a path that is there, and what of it might lead to a dataset. */
async function lastFolderOf(whole: string) {
  let folder = dirname(whole);
  let entries = await entriesOf(folder);
  while (entries === undefined && folder !== dirname(folder)) {
    folder = dirname(folder);
    entries = await entriesOf(folder);
  }
  const [missing = "", ...rest] = relative(folder, whole).split(sep);
  const { folders, files } = entries ?? { folders: [], files: [] };
  const data = files.filter((name) => isTableName(name) || formatOf(name) !== undefined);
  return { folder, missing, rest: rest.join(sep), names: [...folders, ...data] };
}

async function entriesOf(folder: string) {
  return await listFolder(folder).catch(() => undefined);
}
