/** What a launcher of several processes says of itself to them, so that they do not outlive it. */
import { isOfThisMachine, type LockOwner, parseOwner, thisProcess } from "../disk/lock-owner.js";
import type { Environment } from "./rank-sources.js";

const variable = "BIT_LAUNCHER";

/** To be added to the environment of the processes that this one starts. */
export function launcherVariables(): Record<string, string> {
  return { [variable]: JSON.stringify(thisProcess("launching")) };
}

/** Who has started this process and can be looked for; undefined where nobody says so. */
export function launcherIn(environment: Environment): LockOwner | undefined {
  const said = parseOwner(environment[variable] ?? "");
  return said !== undefined && isOfThisMachine(said) ? said : undefined;
}
