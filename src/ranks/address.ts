/** Addresses of machines: how they are written, which are private, and which this machine has. */
import { lookup } from "node:dns/promises";
import { BlockList, isIP, isIPv4, isIPv6, SocketAddress } from "node:net";
import { networkInterfaces } from "node:os";

/** Where a process is met. */
export interface Endpoint {
  /** A name, an IPv4 address, or an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `10.0.0.1:29400`, `node-1:29400` or `[fd00::1]:29400`.
 * @returns undefined where it is none
 */
export function endpointOf(text: string): Endpoint | undefined {
  const [, inBrackets, bare, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  return inBrackets !== undefined && !isIPv6(host) ? undefined : { host: plainHost(host), port };
}

/** An endpoint as people write it: an IPv6 address in brackets. */
export function endpointText({ host, port }: Endpoint): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An address in its shortest form, without brackets: `[FD00:0::1]` is `fd00::1`, `::ffff:10.0.0.1` is 10.0.0.1; a name as it is. */
export function plainHost(host: string): string {
  const bare = /^\[(.+)\]$/.exec(host)?.[1] ?? host;
  if (!isIPv6(bare) || bare.includes("%")) return bare;
  const { address } = new SocketAddress({ address: bare, family: "ipv6" });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

const privateAddresses = new BlockList();
for (const [network, bits] of [
  // RFC 1918, this machine (RFC 1122), link-local (RFC 3927), between a carrier and its customers (RFC 6598).
  ...[["10.0.0.0", 8] as const, ["172.16.0.0", 12] as const, ["192.168.0.0", 16] as const],
  ...[["127.0.0.0", 8] as const, ["169.254.0.0", 16] as const, ["100.64.0.0", 10] as const],
] as const)
  privateAddresses.addSubnet(network, bits, "ipv4");
// This machine, unique local (RFC 4193), link-local (RFC 4291).
for (const [network, bits] of [
  ["::1", 128],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  privateAddresses.addSubnet(network, bits, "ipv6");

/** Whether an address is one that the rest of the world does not reach. */
export function isPrivate(address: string): boolean {
  const [bare = ""] = address.split("%");
  return privateAddresses.check(bare, isIPv4(bare) ? "ipv4" : "ipv6");
}

/** Whether an address is of the machine that asks, whichever that is. */
export function isLoopback(address: string): boolean {
  return address === "::1" || (isIPv4(address) && address.startsWith("127."));
}

/** IPv6 that means a machine only together with one of the asking machine's interfaces: `fe80::1%eth0`. */
export function isScoped(address: string): boolean {
  return isIPv6(address) && /^fe[89ab]/i.test(address);
}

/** An address of this machine. */
export interface OwnAddress {
  /** The network interface that has it, as `eth0`. */
  readonly name: string;
  readonly address: string;
}

/** All addresses of this machine's interfaces, IPv4 first. */
export function ownAddresses(): OwnAddress[] {
  const all = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses.map(({ address }) => ({ name, address })),
  );
  return all.sort((a, b) => isIP(a.address) - isIP(b.address));
}

/** `lo 127.0.0.1, ::1; eth0 10.0.0.1`: what there is, for messages. */
export function ownAddressesText(all: readonly OwnAddress[] = ownAddresses()): string {
  const names = [...new Set(all.map(({ name }) => name))];
  const texts = names.map((name) => {
    const own = all.filter((one) => one.name === name).map(({ address }) => address);
    return `${name} ${own.join(", ")}`;
  });
  return texts.join("; ") || "none";
}

/** Whether an address is one of this machine's; all of 127.0.0.0/8 are. */
export function isOwn(address: string): boolean {
  return isLoopback(address) || ownAddresses().some((own) => own.address === address);
}

/**
 * The addresses that a name has, IPv4 first, so that all machines take the same kind; of an address itself.
 * @throws Error of the system where there are none
 */
export async function addressesOf(host: string): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => plainHost(address)).sort((a, b) => isIP(a) - isIP(b));
}
