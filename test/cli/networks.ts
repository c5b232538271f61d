/** Machines that are none: each a network namespace, all of them behind a router that can be cut off. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/** Why there are none here; false where they can be made. */
export const skipNetworks: string | false = (() => {
  const made = spawnSync("unshare", ["--net", "ip", "link", "add", "up0", "type", "veth"], {
    encoding: "utf8",
  });
  if (made.status === 0) return false;
  const why = made.error?.message ?? made.stderr.trim();
  return `network namespaces cannot be made here (unshare, ip): ${why}`;
})();

export interface Machine {
  readonly address: string;
  /** Before a program and its arguments: runs it there. */
  readonly enter: readonly string[];
}

export interface Networks {
  readonly machines: readonly Machine[];
  /** From then on the router drops all packets, and nobody is told. */
  cut(): void;
  /** From then on it drops those from one machine to another, and back. */
  cutBetween(a: number, b: number): void;
}

/**
 * So many machines, each in a network of its own. They go with the test.
 * @param rate as tc has it, such as `100mbit`, of what a machine gets; undefined: as fast as it goes
 */
export async function makeNetworks(
  t: TestContext,
  count: number,
  rate?: string,
): Promise<Networks> {
  const router = await namespace(t);
  const machines: Machine[] = [];
  for (let i = 0; i < count; i++) {
    const holder = await namespace(t);
    const [own, address, near] = [`10.77.${i}.1`, `10.77.${i}.2`, `port${i}`];
    const { enter } = holder;
    run(router.enter, `ip link add ${near} type veth peer name up0 netns ${holder.pid}`);
    run(router.enter, `ip addr add ${own}/24 dev ${near}`);
    run(router.enter, `ip link set ${near} up`);
    run(enter, `ip addr add ${address}/24 dev up0`);
    run(enter, "ip link set lo up");
    run(enter, "ip link set up0 up");
    run(enter, `ip route add default via ${own}`);
    if (rate !== undefined)
      run(router.enter, `tc qdisc add dev ${near} root tbf rate ${rate} burst 64kb latency 50ms`);
    machines.push({ address, enter });
  }
  const forward = (value: number) =>
    run(router.enter, ["sh", "-c", `echo ${value} > /proc/sys/net/ipv4/ip_forward`]);
  forward(1);
  return {
    machines,
    cut: () => forward(0),
    cutBetween: (a, b) => {
      for (const [from, to] of [
        [a, b],
        [b, a],
      ])
        run(router.enter, `ip rule add from 10.77.${from}.2 to 10.77.${to}.2 blackhole`);
    },
  };
}

/** A namespace, for as long as the test runs. */
async function namespace(t: TestContext): Promise<{ pid: number; enter: readonly string[] }> {
  const holder = spawn("unshare", ["--net", "sleep", "3600"], { stdio: "ignore" });
  t.after(() => holder.kill("SIGKILL"));
  while (isHere(holder)) await sleep(10);
  const pid = holder.pid!;
  return { pid, enter: ["nsenter", `--net=/proc/${pid}/ns/net`] };
}

function isHere({ pid, exitCode }: ChildProcess): boolean {
  assert.equal(exitCode, null);
  return readlinkSync(`/proc/${pid}/ns/net`) === readlinkSync("/proc/self/ns/net");
}

function run(enter: readonly string[], command: string | readonly string[]): void {
  const words = [...enter, ...(typeof command === "string" ? command.split(" ") : command)];
  const { status, stderr, error } = spawnSync(words[0]!, words.slice(1), { encoding: "utf8" });
  assert.equal(status, 0, `${words.join(" ")}: ${error?.message ?? stderr}`);
}
