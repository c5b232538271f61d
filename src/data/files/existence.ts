import { stat } from "node:fs/promises";

/** Whether there is anything at a path; a link counts as what it leads to. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
