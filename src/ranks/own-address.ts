/** At which of its addresses a process is reached by the others, and that it is a private one. */
import { isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.js";
import {
  addressesOf,
  type Endpoint,
  isLoopback,
  isOwn,
  isPrivate,
  isScoped,
  ownAddresses,
  ownAddressesText,
} from "./address.js";

/** What people ask for. */
export interface AddressWish {
  /** A network interface of this machine; undefined: the one by which the others are reached. */
  readonly interface?: string | undefined;
  /** Whether an address may be one that the rest of the world reaches. */
  readonly allowPublic?: boolean | undefined;
}

/** So long a name may be unknown: a cluster's name server learns of a machine when that has started. */
const namingMs = 30_000;

/**
 * The address at which rank 0 waits for the others: of those that the meeting place has, one of this machine's.
 * @throws UserError where it has none, or one that is not private and was not asked for
 */
export async function meetingAddress({ host }: Endpoint, wish: AddressWish): Promise<string> {
  requirePlain(host);
  const resolved = await resolve(host);
  const { interface: name } = wish;
  if (name === undefined) {
    const own = resolved.find(isOwn);
    if (own === undefined) throw elsewhere(host, resolved);
    requireUsable(own, wish);
    return own;
  }
  const usable = addressesOfInterface(name, wish);
  const meant = resolved.find(
    (one) => usable.includes(one) || (isLoopback(one) && hasLoopback(usable)),
  );
  if (meant !== undefined) return meant;
  // Of a name, this machine may know no more than that it is itself: 127.0.1.1 in Debian's /etc/hosts.
  if (isIP(host) === 0) return usable[0]!;
  throw new UserError(
    `--interface ${name}`,
    `the processes meet at ${host}, which is none of its addresses (${usable.join(", ")})`,
    "one of them, or the interface that has that address",
    `interfaces here: ${ownAddressesText()}`,
  );
}

/**
 * The addresses from which another rank than 0 may reach out.
 * @returns undefined: whichever the system takes
 * @throws UserError where the interface has none, or the meeting place is not private and that was not asked for
 */
export function leavingAddresses(
  { host }: Endpoint,
  wish: AddressWish,
): readonly string[] | undefined {
  if (isIP(host) !== 0) requireUsable(host, wish);
  return wish.interface === undefined ? undefined : addressesOfInterface(wish.interface, wish);
}

/**
 * That an address may be served at.
 * @throws UserError where the rest of the world reaches it and that was not asked for, or TensorFlow cannot
 */
export function requireUsable(address: string, { allowPublic }: AddressWish): void {
  requirePlain(address);
  if (allowPublic === true || isPrivate(address)) return;
  throw new UserError(
    address,
    "is no private address: what listens there has neither encryption nor authentication",
    "an address in 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7",
    "use another network (--interface NAME), or where a firewall keeps all others out: --allow_public_address " +
      "(whoever reaches it can read the model and the labels, and have the machine compute)",
  );
}

/** Whether an address may be served at: what `requireUsable` asks for. */
export function isUsable(address: string, wish: AddressWish): boolean {
  try {
    requireUsable(address, wish);
    return true;
  } catch {
    return false;
  }
}

/** @throws UserError where an address means several machines */
function requirePlain(address: string): void {
  if (address === "0.0.0.0" || address === "::")
    throw new UserError(
      address,
      "stands for all addresses of a machine",
      "one address, at which the others reach it",
      `interfaces here: ${ownAddressesText()}`,
    );
  if (isScoped(address))
    throw new UserError(
      address,
      "is a link-local address of IPv6, which means another machine on each interface",
      "an IPv4 address, or one of IPv6 that is the same everywhere, as fd00::1",
      "give the network addresses (ip address add fd00::1/64 dev eth0), or use IPv4",
    );
}

function hasLoopback(addresses: readonly string[]): boolean {
  return addresses.some(isLoopback);
}

/** The addresses of an interface that can be served at, IPv4 first; at least one. */
function addressesOfInterface(name: string, wish: AddressWish): string[] {
  const all = ownAddresses();
  const own = all.filter((one) => one.name === name).map(({ address }) => address);
  const [first] = own;
  if (first === undefined)
    throw new UserError(
      `--interface ${name}`,
      "no interface of this machine with an address has this name",
      `one of these: ${ownAddressesText(all)}`,
      "give one of these names; ip address lists them, too",
    );
  const usable = own.filter((address) => isUsable(address, wish));
  // What is wrong with the first is what there is to say; that it is link-local, only where all are.
  if (usable.length === 0) requireUsable(own.find((one) => !isScoped(one)) ?? first, wish);
  return usable;
}

async function resolve(host: string): Promise<readonly string[]> {
  for (const untilMs = performance.now() + namingMs; ; ) {
    try {
      return await addressesOf(host);
    } catch (error) {
      if (performance.now() > untilMs)
        throw new UserError(
          `the meeting place ${host}`,
          error instanceof Error ? error.message : String(error),
          "a name that this machine knows, or an address of the machine of rank 0",
          `addresses here: ${ownAddressesText()}`,
          { cause: error },
        );
      await sleep(500);
    }
  }
}

function elsewhere(host: string, resolved: readonly string[]): UserError {
  const [address = host] = resolved;
  return new UserError(
    host === address ? host : `${host} (${resolved.join(", ")})`,
    "is no address of this machine, which is to be that of rank 0",
    `one of these: ${ownAddressesText()}`,
    "where rank 0 is another machine, give this one another rank (bit-launch: --node_rank 1); " +
      "else correct the address where the processes meet on all of them",
  );
}
