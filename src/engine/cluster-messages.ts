/**
 * The protobuf messages by which TensorFlow is told of a cluster, as far as they are needed here.
 * Source: tensorflow/core/protobuf/{tensorflow_server,cluster,config}.proto.
 */
import protobuf from "protobufjs";

const root = protobuf.Root.fromJSON({
  nested: {
    ServerDef: {
      fields: {
        cluster: { id: 1, type: "ClusterDef" },
        jobName: { id: 2, type: "string" },
        taskIndex: { id: 3, type: "int32" },
        defaultSessionConfig: { id: 4, type: "ConfigProto" },
        protocol: { id: 5, type: "string" },
      },
    },
    ClusterDef: { fields: { job: { rule: "repeated", id: 1, type: "JobDef" } } },
    JobDef: {
      fields: {
        name: { id: 1, type: "string" },
        tasks: { keyType: "int32", id: 2, type: "string" },
      },
    },
    ConfigProto: {
      fields: {
        intraOpParallelismThreads: { id: 2, type: "int32" },
        deviceFilters: { rule: "repeated", id: 4, type: "string" },
        interOpParallelismThreads: { id: 5, type: "int32" },
        allowSoftPlacement: { id: 7, type: "bool" },
        operationTimeoutInMs: { id: 11, type: "int64" },
        experimental: { id: 16, type: "Experimental" },
      },
    },
    Experimental: { fields: { collectiveGroupLeader: { id: 1, type: "string" } } },
  },
} as protobuf.INamespace);

/** What TensorFlow's ConfigProto says of a session in a cluster. */
export interface ClusterConfig {
  readonly rank: number;
  readonly ranks: number;
  /** Threads of an operation, and operations at a time; undefined: as many as there are cores. */
  readonly threads: number | undefined;
  /** After so long a run fails. */
  readonly timeoutMs: number;
}

/** All ranks are tasks of one job. */
const job = "worker";

/**
 * The number of a rank's task. Collective operations take the tasks in the order of their names, in which 10 comes
 * before 2: where there are that many, all numbers have as many digits.
 */
function taskOf(rank: number, ranks: number): number {
  const digits = String(ranks - 1).length;
  return digits === 1 ? rank : 10 ** digits + rank;
}

function configOf({ rank, ranks, threads, timeoutMs }: ClusterConfig) {
  return {
    ...(threads !== undefined && { intraOpParallelismThreads: threads }),
    // A rank computes on its own devices alone; collectives find the others by themselves.
    deviceFilters: [`/job:${job}/task:${taskOf(rank, ranks)}`],
    allowSoftPlacement: true,
    operationTimeoutInMs: timeoutMs,
    experimental: { collectiveGroupLeader: `/job:${job}/replica:0/task:${taskOf(0, ranks)}` },
  };
}

/** The bytes of a ConfigProto. */
export function encodeClusterConfig(config: ClusterConfig): Uint8Array {
  return root.lookupType("ConfigProto").encode(configOf(config)).finish();
}

/**
 * The bytes of a ServerDef.
 * @param addresses of all ranks in their order, as in `10.0.0.1:2222`
 */
export function encodeServerDef(addresses: readonly string[], config: ClusterConfig): Uint8Array {
  const tasks = Object.fromEntries(
    addresses.map((address, rank) => [taskOf(rank, config.ranks), address]),
  );
  return root
    .lookupType("ServerDef")
    .encode({
      cluster: { job: [{ name: job, tasks }] },
      jobName: job,
      taskIndex: taskOf(config.rank, config.ranks),
      defaultSessionConfig: configOf(config),
      protocol: "grpc",
    })
    .finish();
}
