/** Processes that compute together, as tests start them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type Cluster, joinCluster } from "../../src/engine/cluster.js";
import type { RankPlace } from "../../src/ranks/rank-place.js";
import { engine } from "../engine-for-tests.js";
import { freePorts } from "../free-ports.js";

/** What each of several processes prints, which run `script`, beside this file, with `trial` in `TRIAL`. */
export async function inRanks<Result>(
  script: URL,
  ranks: number,
  trial: unknown,
): Promise<Result[]> {
  const ports = await freePorts(ranks);
  const env = { ...process.env, TRIAL: JSON.stringify(trial) };
  const children = ports.map((_, rank) => {
    const args = [fileURLToPath(script), String(rank), String(ranks), ...ports.map(String)];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    return once(child, "close").then(([code]) => {
      assert.equal(code, 0);
      return JSON.parse(text) as Result;
    });
  });
  return Promise.all(children);
}

/** Of such a process: its place, what opens sessions together with the others, and its trial. */
export function asRank<Trial>(timeoutMs = 120_000): {
  readonly place: RankPlace;
  readonly cluster: Cluster;
  readonly trial: Trial;
} {
  const [rank, ranks, ...ports] = process.argv.slice(2).map(Number);
  const cluster = joinCluster(engine.installed, {
    ...{ rank: rank!, threads: 1, timeoutMs },
    addresses: ports.map((port) => `127.0.0.1:${port}`),
  });
  const trial = JSON.parse(process.env["TRIAL"]!) as Trial;
  return { place: { rank: rank!, ranks: ranks! }, cluster, trial };
}
