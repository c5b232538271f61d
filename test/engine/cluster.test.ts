/** Sessions of several processes: what collective operations give, and who may talk to the servers. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { engine } from "../engine-for-tests.js";
import { freePorts } from "../free-ports.js";
import { inRanks } from "../train/rank-processes.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";
const script = fileURLToPath(new URL("cluster-trial.js", import.meta.url));

/** Whether somebody answers there within a second. */
async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port });
  const connected = once(socket, "connect").then(
    () => true,
    () => false,
  );
  try {
    return await Promise.race([connected, sleep(1000, false)]);
  } finally {
    socket.destroy();
  }
}

/** An address at which the servers are reached, and others of the same machine. */
const places = [
  { host: "127.0.0.1", others: ["127.0.0.2", "::1"] },
  { host: "::1", others: ["127.0.0.1"] },
];

// A proxy that nobody is to ask: nothing listens there.
const proxy = "http://127.0.0.1:9";
const env = { ...process.env, http_proxy: proxy, https_proxy: proxy, grpc_proxy: proxy };

for (const { host, others } of places)
  test(`three processes at ${host}: means, what all have, what one has; nothing at other addresses`, {
    skip,
  }, async () => {
    const ports = await freePorts(3);
    const children = ports.map((_, rank) =>
      fork(script, [host, rank, ...ports].map(String), { env }),
    );
    const results = await Promise.all(children.map((child) => once(child, "message")));
    for (const [result] of results) {
      const { means, long, all, isNegativeZero, got } = result;
      // Ranks have 1, 2 and 3 times the numbers of rank 0.
      assert.deepEqual(means[0].slice(1), [2, 4, 6]);
      assert.deepEqual(means[1], [2]);
      assert.deepEqual(means[2], [4, 6, 8, 10, 12, 14]);
      assert.deepEqual(long, [6, 8, 2 * 3_000_002]);
      assert.deepEqual(all.shape, [6, 3]);
      assert.deepEqual(
        all.data,
        [1, 2, 3].flatMap((rank) => [2, 3, 4, 5, 6, 7].map((x) => rank * x)),
      );
      assert.deepEqual([isNegativeZero, got], [true, [1, 2, 3]]);
    }
    assert.equal(await answers(host, ports[0]!), true);
    for (const other of others) assert.equal(await answers(other, ports[0]!), false, other);
    const ended = children.map((child) => once(child, "exit"));
    for (const child of children) child.send("end");
    for (const [code] of await Promise.all(ended)) assert.equal(code, 0);
  });

test("who waits for another in vain is told so after the run's time-out", { skip }, async () => {
  const late = new URL("late-rank-trial.js", import.meta.url);
  const [first] = await inRanks<{ code?: string }>(late, 2, {});
  assert.equal(first!.code, "DEADLINE_EXCEEDED");
});
