/** Where things lie that are kept for a user's later runs, and that any run can make again. */
import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The cache folder: `$BIT_CACHE`, else `$XDG_CACHE_HOME/bit-train`, else `~/.cache/bit-train`. It is
 * shared by all clones and need not exist.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["BIT_CACHE"]) return env["BIT_CACHE"];
  if (env["XDG_CACHE_HOME"]) return join(env["XDG_CACHE_HOME"], "bit-train");
  return join(homedir(), ".cache", "bit-train");
}
