/** A run of several processes: how they join, and that they do the same. */
import { createHash } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { joinCluster } from "../engine/cluster.js";
import { type OpenedEngine, openEngine } from "../engine/open.js";
import type { DevicesToJoin } from "../engine/open-device.js";
import { type Session, SessionError } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Graph } from "../graph/graph-builder.js";
import { encodeGraphDef } from "../graph/proto.js";
import { packageVersion } from "../package-root.js";
import { endpointOf, endpointText } from "../ranks/address.js";
import { freePort } from "../ranks/free-port.js";
import type { AddressWish } from "../ranks/own-address.js";
import { RankGroup } from "../ranks/rank-group.js";
import type { RankSettings } from "../ranks/rank-sources.js";
import { reached } from "../ranks/reached.js";
import { joinDevices, jointRemark } from "./joint-devices.js";

/** After so long a run of a session fails whose partners do not come. A lost process is noticed long before. */
const runTimeoutMs = 1_860_000;

/** A process among those of its run. */
export interface Joint {
  readonly group: RankGroup;
  /** Of this process by itself, for what the others have no part in. */
  readonly engine: OpenedEngine;
  /** What is to be said before anything is computed; undefined where nothing. */
  readonly remark: string | undefined;
  /** How many of the processes are on this machine. */
  readonly localRanks: number;
  /** Of TensorFlow's in this process, by which it computes on the CPU; undefined on a GPU. */
  readonly threads: number | undefined;
  /** Opens the session that computes together with those of the others. One at a time. */
  readonly open: (graph: Graph) => Session;
  /** Of the graph that was opened last, which must be the same in all processes. */
  readonly graphHash: () => string;
}

/** What each process says of itself when they meet. */
interface Introduction {
  readonly version: string;
  readonly engine: string;
  readonly computes: string;
  readonly address: string;
}

/**
 * Meets the other processes, and starts what their sessions reach each other by.
 * @param note told for whom this process waits, where that takes long, and who came that is none of them
 * @throws UserError where this engine cannot, the processes are of different versions, or this one has no address
 *   at which it may be reached
 * @throws RanksLost where others do not come
 */
export async function joinRun(
  engine: OpenedEngine | DevicesToJoin,
  settings: RankSettings & AddressWish,
  note?: (text: string) => void,
): Promise<Joint> {
  if ("open" in engine && engine.target.device !== "CPU")
    throw new UserError(
      `rank ${settings.rank} of ${settings.ranks}`,
      `it computes on ${engine.description}`,
      "CPUs, or GPUs by XLA: what several processes train on",
      "type: --device cpu; or, for XLA: npx bit-setup --gpu --nccl",
    );
  const group = await RankGroup.meet(settings, { note });
  try {
    return await joined(engine, group);
  } catch (error) {
    await group.fail(error);
    throw error;
  }
}

async function joined(engine: OpenedEngine | DevicesToJoin, group: RankGroup): Promise<Joint> {
  const host = "open" in engine ? engine : openEngine("cpu");
  const { address } = group;
  const own: Introduction = {
    version: packageVersion(),
    engine: host.version,
    computes: "open" in engine ? "TensorFlow on the CPU" : pluginText(engine),
    address: endpointText({ host: address, port: await freePort(address) }),
  };
  const all = (await group.share(own)) as readonly Introduction[];
  requireSame(all, "version", "bit-train");
  requireSame(all, "engine", "the engine, TensorFlow and bit-train's own operations,");
  requireSame(all, "computes", "what it computes by");
  const machines = all.map((one) => endpointOf(one.address)?.host ?? "");
  const localRanks = machines.filter((one) => one === address).length;
  let graphHash = "";
  const watching = (open: OpenedEngine["open"]) => (graph: Graph) => {
    graphHash = createHash("sha256").update(encodeGraphDef(graph.def)).digest("hex");
    return watched(open(graph), group);
  };
  const common = { group, localRanks, graphHash: () => graphHash };
  if (!("open" in engine)) {
    const joint = await joinDevices(host, engine, group, machines);
    const said = { remark: jointRemark(group, machines), threads: undefined };
    return { ...common, ...said, engine: joint.engine, open: watching(joint.open) };
  }
  const threads = Math.max(1, Math.floor(availableParallelism() / localRanks));
  const cluster = joinCluster(engine.installed, {
    rank: group.rank,
    addresses: all.map((one) => one.address),
    threads,
    timeoutMs: runTimeoutMs,
  });
  await group.share("serving");
  await requireReached(group, all);
  return { ...common, engine, threads, remark: undefined, open: watching(cluster.open) };
}

function pluginText({ device: { plugin } }: DevicesToJoin): string {
  return `${plugin.title} ${plugin.version}`;
}

function requireSame(
  all: readonly Introduction[],
  key: "version" | "engine" | "computes",
  what: string,
): void {
  const other = all.findIndex((one) => one[key] !== all[0]![key]);
  if (other < 0) return;
  throw new UserError(
    `rank ${other}`,
    `${what} is ${all[other]![key]}; that of rank 0 is ${all[0]![key]}`,
    "the same in all processes",
    key === "computes"
      ? "give all of them the same --device, and set all machines up alike: npx bit-setup"
      : "install one version of bit-train on all machines, and type there: npx bit-setup",
  );
}

/** Servers that a firewall keeps apart would wait for each other, which their control connections do not tell. */
async function requireReached(group: RankGroup, all: readonly Introduction[]): Promise<void> {
  const tried = all.map(async ({ address }, other) => {
    const at = other === group.rank ? undefined : endpointOf(address);
    const socket = at && (await reached(at));
    if (typeof socket === "string") return [`rank ${other} at ${address}: ${socket}`];
    socket?.destroy();
    return [];
  });
  const failed = (await group.share((await Promise.all(tried)).flat())) as readonly string[][];
  const rank = failed.findIndex((one) => one.length > 0);
  if (rank < 0) return;
  throw new UserError(
    `rank ${rank}`,
    `it does not reach TensorFlow's server of ${failed[rank]!.join("; ")}`,
    "processes that reach each other at all ports",
    "open the machines' firewalls for each other",
  );
}

// What TensorFlow and NCCL report where a process has gone that the others compute with.
const codesOfLoss = new Set(["UNAVAILABLE", "ABORTED", "CANCELLED", "DEADLINE_EXCEEDED"]);
const lossNoticedMs = 15_000;

/** A session whose runs end when a process is lost, which TensorFlow and XLA themselves may never notice. */
function watched(session: Session, group: RankGroup): Session {
  return {
    run: async (feeds, fetches) => {
      try {
        return await group.watch(session.run(feeds, fetches));
      } catch (error) {
        if (error instanceof SessionError && isOfLoss(error))
          await group.watch(sleep(lossNoticedMs));
        throw error;
      }
    },
    // What is under way may wait for the lost process for ever: it ends with this one.
    close: () => {
      if (!group.lost) session.close();
    },
  };
}

function isOfLoss({ code, message }: SessionError): boolean {
  return codesOfLoss.has(code ?? "") || /Collective ops is aborted|NCCL/i.test(message);
}
