/** Network namespaces that are joined by a bridge, each behind a line of limited rate. Needs root. */
import { execFileSync } from "node:child_process";
import type { RankPlaces } from "../../src/bench/measure-ranks.js";

const mark = `bit${process.pid}`;
const hub = `${mark}-hub`;
const headerBytes = 24;

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

function tc(space: string, ...args: readonly string[]): string {
  const command = ["netns", "exec", space, "tc", ...args];
  return execFileSync("ip", command, { encoding: "utf8" });
}

/** So many namespaces, until they are taken down. */
export class Namespaces {
  private readonly spaces: readonly string[];

  /** @param bitsPerSecond what leaves each takes as long as at this rate; undefined: as fast as it goes */
  constructor(
    count: number,
    readonly bitsPerSecond: number | undefined,
  ) {
    this.spaces = Array.from({ length: count }, (_, i) => `${mark}-${i}`);
    try {
      ip("netns", "add", hub);
      ip("-n", hub, "link", "add", "bridge", "type", "bridge");
      ip("-n", hub, "link", "set", "bridge", "up");
      for (const [i, space] of this.spaces.entries()) this.join(space, i);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  private join(space: string, i: number): void {
    ip("netns", "add", space);
    ip("-n", space, "link", "set", "lo", "up");
    const ends = ["line", "type", "veth", "peer", "name", `to${i}`, "netns", hub];
    ip("-n", space, "link", "add", ...ends);
    ip("-n", hub, "link", "set", `to${i}`, "master", "bridge", "up");
    ip("-n", space, "addr", "add", `10.231.0.${i + 1}/24`, "dev", "line");
    ip("-n", space, "link", "set", "line", "up");
    // Also without a limit: it counts bytes as they would be on a line, in frames of 1500.
    const rate = this.bitsPerSecond ?? 400e9;
    const limit = ["tbf", "rate", `${rate}bit`, "overhead", String(headerBytes)];
    // Two milliseconds, so that a late timer loses nothing; and more than a packet before it is cut into frames.
    const burst = Math.max(262_144, Math.round(rate / 8 / 500));
    const queue = ["burst", String(burst), "latency", "20ms"];
    tc(space, "qdisc", "add", "dev", "line", "root", "handle", "1:", ...limit, ...queue);
  }

  /** Where ranks are started. */
  places(): RankPlaces {
    const prefix = (rank: number) => ["ip", "netns", "exec", this.spaces[rank]!];
    return { host: "10.231.0.1", port: 29_400, prefix };
  }

  /** Bytes that have left each namespace, Ethernet's headers included but not its gaps. */
  sentBytes(): number[] {
    return this.spaces.map((space) => {
      const text = tc(space, "-s", "qdisc", "show", "dev", "line", "root");
      return Number(/Sent (\d+) bytes/.exec(text)?.[1]);
    });
  }

  close(): void {
    for (const space of [hub, ...this.spaces])
      try {
        ip("netns", "del", space);
      } catch {
        // It was not there yet.
      }
  }
}
