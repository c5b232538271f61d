/** TensorFlow graphs that exports hold, as they are opened to be verified. */
import { readFile } from "node:fs/promises";
import { type Engine, type Session, SessionError } from "../engine/session.js";
import { systemErrorCode, UserError } from "../errors.js";
import type { GraphDef } from "../graph/proto.js";

/** What is thrown where a file of an export is not as it was written. */
export function damagedExport(path: string, what: string): UserError {
  return new UserError(path, what, "as bit-export wrote it", "copy the export again");
}

/**
 * The bytes of an export's file.
 * @throws UserError where it cannot be read
 */
export async function readExported(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    throw code === undefined ? error : damagedExport(path, `cannot be read (${code})`);
  }
}

/**
 * Opens a session on a graph that an export holds.
 * @param path the file that holds it
 * @throws UserError where TensorFlow refuses it
 */
export function openExportedGraph(engine: Engine, path: string, def: GraphDef): Session {
  try {
    return engine.open({ def, nodes: [] });
  } catch (error) {
    throw error instanceof SessionError ? damagedExport(path, error.message) : error;
  }
}

/** The node of a tensor that is its first output: `image` of `image:0`. */
export function nodeOf(tensor: string): string {
  return tensor.replace(/:0$/, "");
}
