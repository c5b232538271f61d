/**
 * Which process of how many this one is, and where they meet, as whoever started them says it in the
 * environment: one launcher, one row.
 */
import { isIP } from "node:net";
import { UserError } from "../errors.js";
import { endpointOf, plainHost } from "./address.js";
import { mostRanks, type RankPlace } from "./rank-place.js";

/** What a launcher says. */
export interface RankSettings extends RankPlace {
  /** Where the process of rank 0 is met by the others: a host's name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The launcher, for messages. */
  readonly source: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What one launcher says, as far as it does. */
interface Said {
  readonly rank: number;
  readonly ranks: number;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
}

interface Source {
  readonly name: string;
  /** By which it says which rank a process has. */
  readonly variables: readonly string[];
  /** Undefined where the launcher has not started this process. */
  readonly read: (environment: Environment) => Said | undefined;
}

/** Where ranks meet unless somebody says otherwise. */
export const defaultPort = 29_400;

// Open MPI's, MPICH's and SLURM's jobs may run several at a time on a machine.
const portsByJob = 10_000;

/** All launchers that are known, each with what it sets. */
const rankSources: readonly Source[] = [
  {
    // bit-launch, torchrun, and whoever sets them by hand. Of a Kubernetes indexed job the rank is its index.
    name: "RANK and WORLD_SIZE",
    variables: ["RANK", "WORLD_SIZE", "LOCAL_RANK"],
    read: (environment) => {
      const ranks = numberOf(environment, "WORLD_SIZE", 1);
      const own = numberOf(environment, "RANK", 0);
      if (own === undefined && ranks === undefined) return undefined;
      const rank = own ?? numberOf(environment, "JOB_COMPLETION_INDEX", 0);
      if (rank === undefined || ranks === undefined)
        throw incomplete(
          rank === undefined ? "WORLD_SIZE" : "RANK",
          rank === undefined ? "RANK" : "WORLD_SIZE",
        );
      return { rank, ranks };
    },
  },
  {
    name: "a Kubernetes indexed job (JOB_COMPLETION_INDEX and WORLD_SIZE)",
    variables: ["JOB_COMPLETION_INDEX", "WORLD_SIZE"],
    // Jobs have an index that do not train together: only a size says that they do.
    read: (environment) => pair(environment, "JOB_COMPLETION_INDEX", "WORLD_SIZE"),
  },
  {
    name: "TF_CONFIG",
    variables: ["TF_CONFIG"],
    read: readTfConfig,
  },
  {
    // Only srun sets the step's: in a batch script, or a shell of salloc, there is one process.
    name: "SLURM (SLURM_PROCID and SLURM_STEP_NUM_TASKS)",
    variables: ["SLURM_PROCID", "SLURM_STEP_NUM_TASKS"],
    read: (environment) => {
      const said = pair(environment, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS");
      if (said === undefined) return undefined;
      const nodes = environment["SLURM_STEP_NODELIST"] ?? environment["SLURM_NODELIST"];
      const host = nodes === undefined ? undefined : firstHost(nodes);
      return { ...said, host, port: portOf(environment["SLURM_JOB_ID"]) };
    },
  },
  {
    name: "Open MPI (OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE)",
    variables: ["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"],
    read: (environment) => {
      const said = pair(environment, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE");
      return (
        said && { ...said, host: onOneMachine(environment, said, "OMPI_COMM_WORLD_LOCAL_SIZE") }
      );
    },
  },
  {
    name: "PMI (PMI_RANK and PMI_SIZE)",
    variables: ["PMI_RANK", "PMI_SIZE"],
    read: (environment) => {
      const said = pair(environment, "PMI_RANK", "PMI_SIZE");
      return said && { ...said, host: onOneMachine(environment, said, "MPI_LOCALNRANKS") };
    },
  },
];

/** All variables by which launchers say which rank a process has, and where it meets the others. */
export const rankVariables: readonly string[] = [
  ...["MASTER_ADDR", "MASTER_PORT"],
  ...rankSources.flatMap(({ variables }) => variables),
];

/**
 * What the environment says of this process's rank.
 * @returns undefined where it is by itself: nobody says anything, or that there is one process
 * @throws UserError where what is said is no rank, or two launchers contradict each other
 */
export function rankSettings(environment: Environment): RankSettings | undefined {
  const said = rankSources.flatMap(({ name, read }) => {
    const found = read(environment);
    if (found !== undefined) checkRank(name, found);
    // One process of a launcher may start others by another launcher.
    return found === undefined || found.ranks === 1 ? [] : [{ name, ...found }];
  });
  const [first, ...others] = said;
  if (first === undefined) return undefined;
  for (const other of others) checkAgreement(first, other);
  const host = environment["MASTER_ADDR"] || said.find((one) => one.host !== undefined)?.host;
  const named = numberOf(environment, "MASTER_PORT", 1);
  const port = named ?? said.find((one) => one.port !== undefined)?.port ?? defaultPort;
  if (host === undefined)
    throw new UserError(
      first.name,
      `rank ${first.rank} of ${first.ranks}, and nothing says where the processes meet`,
      "MASTER_ADDR: a name or an address of the machine of rank 0, which all the others reach",
      "set it for all of them, as in: export MASTER_ADDR=10.0.0.1 MASTER_PORT=29400",
    );
  if (port > 65_535) throw noNumber("MASTER_PORT", String(port), "a port from 1 to 65535");
  return { rank: first.rank, ranks: first.ranks, host: hostOf(host), port, source: first.name };
}

/** The host of an address without a port. */
function hostOf(text: string): string {
  const host = plainHost(text);
  if (isIP(host) !== 0 || /^[^\s:[\]/]+$/.test(host)) return host;
  throw new UserError(
    "environment variable MASTER_ADDR",
    JSON.stringify(text),
    "a name or an address alone, without a port, as in 10.0.0.1 or fd00::1",
    "correct it; the port is MASTER_PORT",
  );
}

function checkRank(name: string, { rank, ranks }: Said): void {
  if (rank < ranks && ranks <= mostRanks) return;
  throw new UserError(
    name,
    `rank ${rank} of ${ranks}`,
    ranks > mostRanks ? `at most ${mostRanks} processes` : `ranks from 0 to ${ranks - 1}`,
    "correct it, or remove the variables where this process is by itself",
  );
}

function checkAgreement(a: Said & { name: string }, b: Said & { name: string }): void {
  if (a.rank === b.rank && a.ranks === b.ranks) return;
  throw new UserError(
    "rank of this process",
    `${a.name} say ${a.rank} of ${a.ranks}; ${b.name} say ${b.rank} of ${b.ranks}`,
    "one launcher, or several that say the same",
    "remove the variables of the one that does not count (env -u NAME ...)",
  );
}

function pair(environment: Environment, rankName: string, ranksName: string): Said | undefined {
  const rank = numberOf(environment, rankName, 0);
  const ranks = numberOf(environment, ranksName, 1);
  return rank === undefined || ranks === undefined ? undefined : { rank, ranks };
}

/** An integer from `least` on; undefined where the variable is not set. */
function numberOf(environment: Environment, name: string, least: number): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (/^\d{1,9}$/.test(text) && value >= least) return value;
  throw noNumber(name, text, `a whole number from ${least} on`);
}

function noNumber(name: string, text: string, expected: string): UserError {
  return new UserError(
    `environment variable ${name}`,
    JSON.stringify(text),
    expected,
    "correct it, or remove it",
  );
}

function incomplete(there: string, missing: string): UserError {
  return new UserError(
    `environment variable ${there}`,
    `it is set, and ${missing} is not`,
    "both: which process this is, and how many there are",
    `set ${missing} too, or remove ${there}: env -u ${there} ...`,
  );
}

/** Where all processes are on one machine, they meet there. */
function onOneMachine(environment: Environment, { ranks }: Said, name: string): string | undefined {
  return numberOf(environment, name, 1) === ranks ? "127.0.0.1" : undefined;
}

/** A port of a job's own. */
function portOf(job: string | undefined): number | undefined {
  if (job === undefined || !/^\d+$/.test(job)) return undefined;
  return 20_000 + Number(BigInt(job) % BigInt(portsByJob));
}

/** The first of SLURM's nodes: `node[03-05,9],other` is node03. */
function firstHost(nodes: string): string | undefined {
  const [, prefix = "", range, suffix = ""] =
    /^([^[,]+)(?:\[([^\]]+)\])?([^,[]*)/.exec(nodes) ?? [];
  if (range === undefined) return prefix || undefined;
  return `${prefix}${range.split(/[-,]/)[0]}${suffix}`;
}

/** Roles in the order in which their tasks are ranks. Source: TensorFlow's guide to distributed training. */
const tfRoles = ["chief", "master", "worker"];

function readTfConfig(environment: Environment): Said | undefined {
  const text = environment["TF_CONFIG"];
  if (text === undefined || text === "") return undefined;
  const fail = (got: string) =>
    new UserError(
      "environment variable TF_CONFIG",
      got,
      'as in {"cluster": {"worker": ["a:29400", "b:29400"]}, "task": {"type": "worker", "index": 0}}',
      "correct it, or remove it: env -u TF_CONFIG ...",
    );
  const { cluster, task } = parseTfConfig(text, fail);
  const addresses = tfRoles.flatMap((role) => {
    const all = cluster[role] ?? [];
    return all.map((address, index) => ({ role, index, address }));
  });
  if (addresses.length === 0) return undefined;
  const rank = addresses.findIndex(({ role, index }) => role === task.type && index === task.index);
  if (rank < 0) throw fail(`its task ${task.type} ${task.index} is none of the cluster's workers`);
  const first = endpointOf(addresses[0]!.address);
  if (first === undefined) throw fail(`${JSON.stringify(addresses[0]!.address)} is no address`);
  return { rank, ranks: addresses.length, ...first };
}

interface TfConfig {
  readonly cluster: Readonly<Record<string, readonly string[] | undefined>>;
  readonly task: { readonly type: string; readonly index: number };
}

function parseTfConfig(text: string, fail: (got: string) => UserError): TfConfig {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail("it is no JSON");
  }
  const { cluster = {}, task } = recordOf(value) ?? {};
  const roles = recordOf(cluster);
  const { type, index = 0 } = recordOf(task) ?? {};
  if (roles === undefined) throw fail("it has no cluster");
  const addresses = Object.entries(roles).map(([role, list]) => {
    if (Array.isArray(list) && list.every((one) => typeof one === "string"))
      return [role, list as string[]] as const;
    throw fail(`its cluster's ${role} is no list of addresses`);
  });
  if (addresses.length === 0) return { cluster: {}, task: { type: "", index: 0 } };
  const number = Number(index);
  if (typeof type !== "string" || !Number.isInteger(number)) throw fail("it has no task");
  return { cluster: Object.fromEntries(addresses), task: { type, index: number } };
}

function recordOf(value: unknown): Record<string, unknown> | undefined {
  const isRecord = typeof value === "object" && value !== null && !Array.isArray(value);
  return isRecord ? (value as Record<string, unknown>) : undefined;
}
