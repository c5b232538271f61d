/** One of several processes is asked to stop before a run's first step: all end at once, since nothing is lost by it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { freePorts } from "../free-ports.js";
import { flags, type Started, skip, startRank } from "./launched.js";

/** The address of a server of models that answers, and then sends next to nothing for ever. */
async function slowServer(t: TestContext): Promise<{ url: string; asked: Promise<void> }> {
  let tell = (): void => {};
  const asked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const server = createServer((_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write("x"), 100);
    response.on("close", () => clearInterval(timer));
    tell();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

async function startBoth(...args: readonly (readonly string[])[]): Promise<[Started, Started]> {
  const [port] = await freePorts(1);
  const [first, second] = [0, 1].map((rank) =>
    startRank({ rank, ranks: 2, port: port! }, args[rank] ?? args[0]!),
  );
  return [first!, second!];
}

/** Asks one to stop, and waits for both: what was said by rank 0, and by the other. */
async function stopped(
  both: readonly [Started, Started],
  rank: number,
  signal: "SIGTERM" | "SIGINT",
): Promise<readonly [string, string]> {
  const begun = performance.now();
  both[rank]!.child.kill(signal);
  const ended = await Promise.all(both.map(({ ended }) => ended));
  const said = ended.map(({ text }) => text);
  const exit = signal === "SIGTERM" ? 143 : 130;
  assert.deepEqual(
    ended.map(({ code }) => code),
    [exit, exit],
    said.join("---"),
  );
  // They need less than one.
  assert.ok(performance.now() - begun < 20_000, `${performance.now() - begun} ms`);
  return [said[0]!, said[1]!];
}

for (const [rank, signal] of [
  [1, "SIGTERM"],
  [0, "SIGINT"],
] as const)
  test(`${signal} to rank ${rank} while rank 0 downloads the model`, {
    skip,
    timeout: 120_000,
  }, async (t) => {
    const logdir = await temporaryFolder(t);
    const { url, asked } = await slowServer(t);
    const model = { model: "BiT-M-R50x1", base_url: url, bit_pretrained_dir: join(logdir, "zoo") };
    const both = await startBoth(flags(logdir, "run", model));
    await Promise.race([asked, both[0].ended]);
    // Until the other, too, has all but that.
    await sleep(3000);
    const [first, second] = await stopped(both, rank, signal);
    const why = rank === 0 ? "" : ", as rank 1 was asked to \\(SIGTERM\\)";
    assert.match(first, new RegExp(`Stopped before the first step${why}; what was fetched`));
    assert.equal(second, "");
    assert.equal(existsSync(join(logdir, "run")), false);
  });

test("SIGTERM to rank 0 while another waits for what it fetches", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const { url, asked } = await slowServer(t);
  const data = { dataset: "cifar10", data_url: url };
  const [own, others] = [fixturePath("data", "cifar"), join(logdir, "empty")].map((datadir) =>
    flags(logdir, "run", { ...data, datadir }),
  );
  const both = await startBoth(own!, others!);
  await Promise.race([asked, both[0].ended]);
  await sleep(3000);
  const [first] = await stopped(both, 0, "SIGTERM");
  assert.match(first, /Stopped before the first step; what was fetched/);
});

for (const rank of [0, 1])
  test(`SIGTERM to rank ${rank} within a dry run`, { skip, timeout: 120_000 }, async (t) => {
    const logdir = await temporaryFolder(t);
    // An evaluation that takes long.
    const args = flags(logdir, "run", { batch: "64", resolution: "160", crop: "128" });
    const both = await startBoth([...args, "--dry_run"]);
    while (!both[0].said().includes("Timing a few steps") && both[0].child.exitCode === null)
      await sleep(20);
    const [first] = await stopped(both, rank, "SIGTERM");
    assert.match(first, rank === 0 ? /Stopped\.\n/ : /Stopped, as rank 1 was asked to \(SIGTERM\)/);
  });
