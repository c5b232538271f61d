/**
 * By what the processes of a run tell each other from whoever else comes to their ports: another run, a scanner,
 * somebody. It keeps out who does not know it, not who reads the network: nothing is encrypted.
 */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import type { Environment } from "./rank-sources.js";

/** The same text for all processes of a run. */
export const tokenVariable = "BIT_RUN_TOKEN";

/** What a launcher that starts all processes of a run by itself adds to their environment. */
export function tokenVariables(environment: Environment): Record<string, string> {
  return { [tokenVariable]: environment[tokenVariable] || randomUUID() };
}

/** What a process shows to the others: a digest, as people take passwords; null where it has none. */
export function tokenIn(environment: Environment): string | null {
  const token = environment[tokenVariable];
  return token ? createHash("sha256").update(`bit-train ${token}`).digest("hex") : null;
}

/**
 * How the token of a rank that comes contradicts one's own.
 * @param shown undefined: by an earlier version, which has none
 * @returns for `rank 1 came ...`; undefined where it does not
 */
export function contradiction(shown: string | null | undefined, own: string | null) {
  if (own === null) return shown ? `with a ${tokenVariable}, and rank 0 has none` : undefined;
  if (!shown) return `without the ${tokenVariable} that rank 0 has`;
  const [a, b] = [Buffer.from(shown), Buffer.from(own)];
  if (a.length === b.length && timingSafeEqual(a, b)) return undefined;
  return `with another ${tokenVariable} than rank 0's`;
}
