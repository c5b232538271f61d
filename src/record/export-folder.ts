/** What tells a folder that bit-export wrote from others. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../errors.js";
import { readJson } from "./versioned-json.js";

/** The file of an export that says what it is. */
export const goldenName = "golden.json";

/**
 * The archive in an export as npz; undefined where a folder is no export.
 * @throws UserError where it is an export in another format, or has no archive, or more than one
 */
export async function exportedArchive(folder: string): Promise<string | undefined> {
  const golden = await readJson(join(folder, goldenName), undefined, "copy the export again");
  if (golden === undefined) return undefined;
  const { format } = golden;
  if (format !== "npz")
    throw new UserError(
      folder,
      `is an export as ${String(format)}, from which no model is read`,
      "a run, one of its checkpoints, an .npz, or safetensors",
      "give what it was exported from, or export that --to npz",
    );
  return onlyArchive(folder);
}

/**
 * The one .npz in an export.
 * @throws UserError where there is none, or more than one
 */
export async function onlyArchive(folder: string): Promise<string> {
  const [name, another] = (await readdir(folder)).filter((file) => file.endsWith(".npz"));
  if (name !== undefined && another === undefined) return join(folder, name);
  throw new UserError(
    folder,
    name === undefined ? "holds no .npz" : `holds ${name} and ${another}`,
    "one .npz, as bit-export wrote it",
    "copy the export again, or export again",
  );
}
