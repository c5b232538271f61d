/** Processes that do something together, and how long it took each. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.js";
import { freePort } from "../ranks/free-port.js";
import type { RankMeasurement, RankOrder, RankReport } from "./rank-order.js";

/** Where processes are started. */
export interface RankPlaces {
  /** Address and port at which the process of rank 0 is met. */
  readonly host: string;
  readonly port: number;
  /** A command that starts the one after it, for each rank: `["ip", "netns", "exec", "a"]`. */
  readonly prefix: (rank: number) => readonly string[];
}

/** All processes here, on loopback. */
export async function onLoopback(): Promise<RankPlaces> {
  return { host: "127.0.0.1", port: await freePort(), prefix: () => [] };
}

/**
 * Has so many processes do the same together.
 * @returns what each measured, in the order of ranks
 * @throws UserError where one of them has a mistake to report, as an engine without bit-train's own addons, or is killed
 * @throws Error where one of them fails otherwise
 */
export async function measureRanks(
  ranks: number,
  order: Omit<RankOrder, "settings">,
  { host, port, prefix }: RankPlaces,
): Promise<RankMeasurement[]> {
  const script = fileURLToPath(new URL("./rank-child.js", import.meta.url));
  const children = Array.from({ length: ranks }, (_, rank) => {
    const [command, ...args] = [...prefix(rank), process.execPath, script];
    const child = spawn(command!, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const settings = { rank, ranks, host, port, source: "bit-bench" };
    child.send({ ...order, settings } satisfies RankOrder, () => undefined);
    return child;
  });
  try {
    return await Promise.all(children.map(reported));
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
}

async function reported(child: ChildProcess, rank: number) {
  const ended = once(child, "exit").then(([code, signal]): never => {
    if (signal === null) throw new Error(`rank ${rank} ended with ${code}`);
    throw new UserError(
      `process ${rank} of those that were measured together`,
      `it was ended by ${signal}`,
      "processes that live until they have measured; Linux ends some by SIGKILL where memory runs out",
      "close other programs, or give a smaller --nproc",
    );
  });
  const told = once(child, "message").then(([report]) => report as RankReport);
  // Whoever comes second is not waited for.
  ended.catch(() => undefined);
  const report = await Promise.race([told, ended]);
  if (report.type === "failed") throw new Error(`rank ${rank}: ${report.message}`);
  if (report.type === "mistake") throw new UserError(...report.said);
  return report.measurement;
}
