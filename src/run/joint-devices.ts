/** GPUs of several processes: opened together, so that each program runs on all of them. */
import { isIPv6 } from "node:net";
import type { OpenedEngine } from "../engine/open.js";
import type { DevicesToJoin } from "../engine/open-device.js";
import { PjrtError } from "../engine/pjrt/client.js";
import { type OwnDevice, oneOf, ownGpu } from "../engine/xla/device-cluster.js";
import { type JoinedEngine, openXlaTogether } from "../engine/xla/open-xla.js";
import { UserError } from "../errors.js";
import { ownAddresses } from "../ranks/address.js";
import type { RankGroup } from "../ranks/rank-group.js";

/**
 * Opens this process's GPU, together with the other processes.
 * @param host the engine that makes images and reads files
 * @param machines of all ranks, each by its address
 * @throws UserError where the processes' GPUs do not go together, or the plugin does not open
 */
export async function joinDevices(
  host: OpenedEngine,
  { device, compiling }: DevicesToJoin,
  group: RankGroup,
  machines: readonly string[],
): Promise<JoinedEngine> {
  const { rank, ranks, keyValues } = group;
  const named = (await group.share(device.identities)) as readonly (readonly string[])[];
  const claims = machines.map((machine, i) => ({ machine, gpus: named[i]! }));
  const own = oneOf(device, ownGpu(claims, rank));
  const joining = {
    ...{ rank, ranks, keyValues, layout: layoutOf(machines) },
    exchange: async (one: OwnDevice) => (await group.share(one)) as readonly OwnDevice[],
  };
  useInterfaceOf(group.address);
  try {
    return await group.watch(openXlaTogether(host, own, joining, { compiling }));
  } catch (error) {
    if (!(error instanceof PjrtError)) throw error;
    throw new UserError(
      `rank ${rank}, ${own.names.join(", ")}`,
      error.message,
      "a plugin that opens its devices together with those of the other processes",
      "see what is wrong: npx bit-setup --check; or compute on CPUs: --device cpu",
      { cause: error },
    );
  }
}

/** Has NCCL reach the others by the address at which this process meets them, unless its own variables say otherwise. */
function useInterfaceOf(address: string): void {
  const own = ownAddresses().find((one) => one.address === address);
  if (own === undefined) return;
  process.env["NCCL_SOCKET_IFNAME"] ??= `=${own.name}`;
  process.env["NCCL_SOCKET_FAMILY"] ??= isIPv6(address) ? "AF_INET6" : "AF_INET";
}

/** The number of each rank's machine, in the order in which they come: `0,0,1,1`. */
function layoutOf(machines: readonly string[]): string {
  const known = [...new Set(machines)];
  return machines.map((machine) => known.indexOf(machine)).join();
}

/** What is to be said of such a run before it begins. */
export function jointRemark({ ranks }: RankGroup, machines: readonly string[]): string {
  const count = new Set(machines).size;
  const where = count === 1 ? "one machine" : `${count} machines`;
  return (
    `${ranks} processes with GPUs on ${where}: bit-train's authors have not run this on several cards ` +
    "(docs/machines.md). After the first step all compare weights and momentum, and end where these differ."
  );
}
