/** Processes that meet, tell each other things, and notice when one is gone. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { controlProtocol } from "../../src/ranks/control-message.js";
import { silenceMs } from "../../src/ranks/peer.js";
import { freePorts } from "../free-ports.js";
import { connected, start, startAll } from "./started-group.js";

test("three processes tell each other what they have, in the order of their ranks", async () => {
  const all = await startAll("none", 3);
  const values = [0, 1, 2].map((rank) => ({ rank, address: "127.0.0.1" }));
  for (const { next, exit } of all) {
    assert.deepEqual(await next(), { values });
    assert.deepEqual(await next(), { ended: true });
    assert.equal(await exit, 0);
  }
});

test("what a process says with its greeting, where it is read late, is heard", async () => {
  const [port] = await freePorts(1);
  const { next, exit } = start("none", 0, 2, port!);
  const socket = await connected(port!);
  const place = { host: "127.0.0.1", port: 1 };
  const messages = [
    { type: "hello", protocol: controlProtocol, rank: 1, ranks: 2, place },
    { type: "beat" },
    { type: "linked" },
    { type: "share", value: "early", last: false },
    { type: "share", value: "second", last: false },
    { type: "share", value: null, last: true },
  ];
  socket.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(""));
  socket.resume();
  assert.deepEqual(await next(), { values: [{ rank: 0, address: "127.0.0.1" }, "early"] });
  assert.deepEqual(await next(), { ended: true });
  assert.equal(await exit, 0);
  socket.destroy();
});

test("a process that leaves at the end before its word is heard is not lost", async () => {
  const [port] = await freePorts(1);
  const { next, exit } = start("none", 1, 3, port!);
  const say = (socket: Socket, message: unknown) => socket.write(`${JSON.stringify(message)}\n`);
  // Ranks 0 and 2 are this test.
  const server = createServer().listen(port, "127.0.0.1");
  const [rank0] = (await once(server, "connection")) as [Socket];
  const heard = createInterface({ input: rank0 })[Symbol.asyncIterator]();
  const hear = async (type: string) => {
    for (;;) {
      const message = JSON.parse((await heard.next()).value) as Record<string, unknown>;
      if (message["type"] === type) return message;
    }
  };
  const own = (await hear("hello"))["place"] as { port: number };
  const rank2 = await connected(own.port);
  say(rank2, { type: "hello", protocol: controlProtocol, rank: 2, ranks: 3, place: null });
  const places = [port!, own.port, 1].map((at) => ({ host: "127.0.0.1", port: at }));
  say(rank0, { type: "welcome", places });
  await hear("linked");
  say(rank0, { type: "met" });
  for (const last of [false, false, true]) {
    await hear("share");
    if (last) {
      rank2.destroy();
      await sleep(500);
    }
    say(rank0, { type: "shared", values: [0, 1, 2], last });
  }
  assert.deepEqual(await next(), { values: [0, 1, 2] });
  assert.deepEqual(await next(), { ended: true });
  assert.equal(await exit, 0);
  server.close();
  rank0.destroy();
});

for (const { trial, why, mistake } of [
  { trial: "fail", why: /rank 1 has ended: a reason/, mistake: false },
  { trial: "mistake", why: /rank 1 has ended: a file: a mistake;/, mistake: true },
])
  test(`why one process ends is told to all, and whether it was a mistake: ${trial}`, async () => {
    const all = await startAll(trial, 3);
    for (const { next } of all) await next();
    for (const { next, exit } of [all[0]!, all[2]!]) {
      const told = await next();
      assert.deepEqual([told["lost"], told["mistake"]], [true, mistake]);
      assert.match(String(told["message"]), why);
      // What is to be put right there is said here, too.
      const remedy = /; rank \d ends too\n {2}expected: none\n {2}next: mend it$/;
      assert.equal(remedy.test(String(told["message"])), mistake, String(told["message"]));
      assert.equal(await exit, 75);
    }
  });

for (const { signal, within, rank } of [
  { signal: "SIGKILL", within: 1, rank: 1 },
  { signal: "SIGKILL", within: 1, rank: 0 },
  { signal: "SIGSTOP", within: 10, rank: 2 },
  { signal: "SIGSTOP", within: 10, rank: 0 },
] as const)
  test(`${signal} of rank ${rank} is noticed by all others within ${within} s`, async () => {
    const all = await startAll("wait", 3);
    for (const { next } of all) await next();
    const victim = all[rank]!;
    const begun = Date.now();
    victim.child.kill(signal);
    const others = all.filter((one) => one !== victim);
    for (const { next, exit } of others) {
      const { lost, ms } = await next();
      assert.equal(lost, true);
      // Three times as long, for a busy machine.
      assert.ok(Number(ms) - begun < 3000 * within, `${Number(ms) - begun} ms`);
      assert.equal(await exit, 75);
    }
  });

test("processes that have all stood still go on: none has gone on without another", async () => {
  const all = await startAll("pause", 3);
  for (const { next } of all) await next();
  for (const { child } of all) child.kill("SIGSTOP");
  await sleep(silenceMs + 2000);
  for (const { child } of all) child.kill("SIGCONT");
  for (const { next, exit } of all) {
    assert.deepEqual(await next(), { ended: true });
    assert.equal(await exit, 0);
  }
});

test("a process that is busy when another is lost ends all the same", async () => {
  const all = await startAll("busy", 2);
  for (const { next } of all) await next();
  all[1]!.child.kill("SIGKILL");
  const { next, exit } = all[0]!;
  assert.equal((await next())["lost"], true);
  assert.equal(await exit, 75);
});

test("a process whose main thread is busy when another ends has not stood still: it is told why", async () => {
  const all = await startAll("absorbed", 2);
  for (const { next } of all) await next();
  const { message, mistake } = await all[0]!.next();
  assert.match(String(message), /rank 1 has ended: a file: a mistake; rank 0 ends too/);
  assert.equal(mistake, true);
});

test("another number of processes than expected ends both", async () => {
  const [port] = await freePorts(1);
  const both = [start("none", 0, 2, port!), start("none", 1, 3, port!)];
  for (const { next, exit } of both) {
    const { message, mistake } = await next();
    assert.match(String(message), /rank 1 of 3 came/);
    assert.equal(mistake, true);
    assert.equal(await exit, 75);
  }
});

test("a rank that is there already is a mistake, and the others wait on", async () => {
  const [port] = await freePorts(1);
  const first = start("none", 1, 3, port!);
  const rank0 = start("none", 0, 3, port!);
  await sleep(1500);
  const second = start("none", 1, 3, port!);
  // Whichever came first is there already.
  const { message, mistake } = await Promise.race([first.next(), second.next()]);
  assert.match(String(message), /there is a rank 1 at 127.0.0.1:\d+ already/);
  assert.equal(mistake, true);
  start("none", 2, 3, port!);
  assert.ok("values" in (await rank0.next()));
});

test("a port that is taken is a mistake", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const address = other.address();
  assert.ok(typeof address === "object" && address !== null);
  const { next } = start("none", 0, 2, address.port);
  const { message, mistake } = await next();
  assert.match(
    String(message),
    /cannot meet at .*another rank 0, is there.*EADDRINUSE.*another port/,
  );
  assert.equal(mistake, true);
  other.close();
});

test("they meet at an address of IPv6", async () => {
  const [port] = await freePorts(1);
  const both = [0, 1].map((rank) => start("none", rank, 2, port!, "::1"));
  const values = [0, 1].map((rank) => ({ rank, address: "::1" }));
  for (const { next, exit } of both) {
    assert.deepEqual(await next(), { values });
    assert.deepEqual(await next(), { ended: true });
    assert.equal(await exit, 0);
  }
});
