/**
 * Sessions of several processes that compute together: each process has a server of TensorFlow's, and its
 * session's collective operations (src/graph/collectives.ts) reach those of the others.
 */
import { UserError } from "../errors.js";
import type { Graph } from "../graph/graph-builder.js";
import { endpointOf } from "../ranks/address.js";
import { type ClusterConfig, encodeClusterConfig, encodeServerDef } from "./cluster-messages.js";
import type { InstalledEngine } from "./installed.js";
import type { Session } from "./session.js";
import { loadTensorflow, openTensorflowSession, startServer } from "./tensorflow-session.js";

/** Where a process is among those that compute together. */
export interface ClusterPlace extends Omit<ClusterConfig, "ranks"> {
  /** Of all ranks in their order, with a port: `10.0.0.1:2222`, `[fd00::1]:2222`. */
  readonly addresses: readonly string[];
}

/** Opens sessions whose collective operations reach the other processes. */
export interface Cluster {
  /** One at a time: its variables' names are the process's. */
  readonly open: (graph: Graph) => Session;
}

let started = false;

/**
 * Starts this process's server. It speaks without encryption or authentication, and answers what is sent
 * to the address of its rank alone. It lives as long as the process, so this is to be called once.
 * @throws UserError where the engine has none of our own addons
 * @throws SessionError where TensorFlow refuses, as where the port is taken
 */
export function joinCluster(engine: InstalledEngine, place: ClusterPlace): Cluster {
  if (started) throw new Error("this process has joined a cluster already");
  const addon = loadTensorflow(engine);
  if (addon === undefined)
    throw new UserError(
      "several processes",
      `the engine that is set up (${engine.flavour}) lacks bit-train's own addons`,
      "an engine that bit-setup compiled",
      "type: npx bit-setup --cpu",
    );
  const { addresses } = place;
  const config = { ...place, ranks: addresses.length };
  const own = addresses[place.rank];
  const at = endpointOf(own ?? "");
  if (at === undefined) throw new Error(`rank ${place.rank} has no address: ${own}`);
  started = true;
  keepFromProxies(addresses);
  const server = { def: encodeServerDef(addresses, config), port: at.port, address: at.host };
  const target = startServer(addon, server);
  const encoded = encodeClusterConfig(config);
  return { open: ({ def }) => openTensorflowSession(addon, def, encoded, target) };
}

/**
 * gRPC would send what ranks say to each other through the proxy that `http_proxy`, `https_proxy` or
 * `grpc_proxy` name, which reaches none of them, and wait for ever. It reads this variable before `no_proxy`.
 */
function keepFromProxies(addresses: readonly string[]): void {
  const hosts = addresses.flatMap((address) => endpointOf(address)?.host ?? []);
  process.env["no_grpc_proxy"] = [...new Set(hosts)].join(",");
}
