/** What commands read from standard input. */
import { buffer } from "node:stream/consumers";
import { UserError } from "../errors.js";
import { output } from "./output.js";

/**
 * Paths, one a line, or each with a NUL behind it, as `find -print0` writes them: then they may hold line
 * breaks. Read to its end. Empty lines count for nothing, nor does a carriage return at a line's end.
 * @throws UserError where there is none
 */
export async function pathsFromInput(): Promise<string[]> {
  const { stdin } = process;
  if (stdin.isTTY) output.note("Paths, one a line; Ctrl-D ends them:");
  const text = (await buffer(stdin)).toString("utf8");
  const lines = text.includes("\0") ? text.split("\0") : text.split(/\r?\n/);
  const paths = lines.filter((line) => line !== "");
  if (paths.length > 0) return paths;
  throw new UserError(
    "standard input",
    "no path in it",
    "paths of images, one a line",
    "for example: find photos -name '*.jpg' | npx bit-predict - --run RUN_FOLDER",
  );
}
