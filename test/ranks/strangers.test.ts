/** Whoever comes to the ranks' ports and is none of them: it is passed over, and costs next to nothing. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { controlProtocol } from "../../src/ranks/control-message.js";
import { freePorts } from "../free-ports.js";
import { connected, type Started, start } from "./started-group.js";

const place = { host: "127.0.0.1", port: 1 };
const greeting = { type: "hello", protocol: controlProtocol, rank: 1, ranks: 2, place };

async function stranger(port: number): Promise<Socket> {
  return (await connected(port)).on("error", () => undefined).resume();
}

/** Once a connection is closed, with an error or without. */
function closing(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

async function requireMet(both: readonly Started[]): Promise<void> {
  for (const { next, exit, notes } of both) {
    assert.ok("values" in (await next()), notes());
    assert.deepEqual(await next(), { ended: true });
    assert.equal(await exit, 0);
  }
}

test("what is no message, and no greeting, is passed over with a line, and the ranks meet", async () => {
  const [port] = await freePorts(1);
  const rank0 = start("none", 0, 2, port!);
  const lines = [
    ...["GET / HTTP/1.1", "", "1", "[]", "null", '"hello"', "{}", '{"type":"__proto__"}'],
    ...["[".repeat(4000), '{"type":"hello"}', '{"type":"beat"}', "\u0000\ufffd"],
    ...[-1, 0.5, "1", null, [], 1e300].map((rank) => JSON.stringify({ ...greeting, rank })),
    JSON.stringify({ ...greeting, place: { host: "127.0.0.1" } }),
    JSON.stringify({ ...greeting, token: 5 }),
  ];
  for (const line of lines) {
    const socket = await stranger(port!);
    // What follows would be heard of a rank.
    socket.write(`${line}\n{"type":"share","value":1,"last":false}\n`);
    await closing(socket);
  }
  await requireMet([rank0, start("none", 1, 2, port!)]);
  const told = rank0.notes().trim().split("\n");
  assert.equal(told.length, 10);
  assert.match(told[0]!, /^127\.0\.0\.1:\d+ sent what is no message of bit-train; passed over$/);
  assert.match(told[9]!, /passed over, and others will be without a word$/);
});

test("a line without an end is cut off long before it fills the memory", async () => {
  const [port] = await freePorts(1);
  const rank0 = start("none", 0, 2, port!);
  const socket = await stranger(port!);
  const closed = closing(socket);
  const part = Buffer.alloc(1 << 20, "a");
  // The system keeps some MB of its own.
  for (let sent = 0; sent < 100 && !socket.closed; sent++)
    if (!socket.write(part))
      await Promise.race([closed, new Promise((resolve) => socket.once("drain", resolve))]);
  await closed;
  await requireMet([rank0, start("none", 1, 2, port!)]);
  assert.match(rank0.notes(), /sent a line of over 4096 characters; passed over/);
});

test("connections that say nothing keep nobody from meeting", async () => {
  const [port] = await freePorts(1);
  const rank0 = start("none", 0, 2, port!);
  const silent = await Promise.all(Array.from({ length: 50 }, () => stranger(port!)));
  await requireMet([rank0, start("none", 1, 2, port!)]);
  assert.equal(rank0.notes(), "");
  for (const socket of silent) socket.destroy();
});

test("a rank that sends what is no message ends the others, who say so", async () => {
  const [port] = await freePorts(1);
  const rank0 = start("wait", 0, 2, port!);
  const socket = await stranger(port!);
  for (const message of [greeting, { type: "linked" }, { type: "share", value: 1, last: false }])
    socket.write(`${JSON.stringify(message)}\n`);
  assert.ok("values" in (await rank0.next()));
  socket.write('{"type":"shared"}\n');
  const { message } = await rank0.next();
  assert.match(String(message), /rank 1 sent what is no message of bit-train; rank 0 ends too/);
  assert.equal(await rank0.exit, 75);
});

for (const [token, others, why] of [
  ["ours", "theirs", "with another BIT_RUN_TOKEN than rank 0's"],
  ["ours", "", "without the BIT_RUN_TOKEN that rank 0 has"],
  ["", "theirs", "with a BIT_RUN_TOKEN, and rank 0 has none"],
] as const)
  test(`a rank that comes ${why} is refused, and the others wait on`, async () => {
    const [port] = await freePorts(1);
    const rank0 = start({ trial: "none", token }, 0, 2, port!);
    // Whatever else it says.
    const refused = start({ trial: "none", token: others }, 1, 3, port!);
    const { message, mistake } = await refused.next();
    assert.match(String(message), new RegExp(`rank 1 came to 127.0.0.1:\\d+ ${why}: give all`));
    assert.equal(mistake, true);
    await requireMet([rank0, start({ trial: "none", token }, 1, 2, port!)]);
    assert.match(rank0.notes(), new RegExp(`${why}: give all .*; passed over`));
  });

test("a rank that is reached by a stranger between the others goes on", async () => {
  const [port] = await freePorts(1);
  const token = "ours";
  const [rank0, rank1] = [0, 1].map((rank) => start({ trial: "none", token }, rank, 3, port!));
  // Rank 1 listens for rank 2 at a port of its own, which its table of sockets shows.
  const own = await listeningPort(rank1!.child.pid!);
  for (const line of ["null", JSON.stringify({ ...greeting, rank: 2, ranks: 3, place: null })]) {
    const socket = await stranger(own);
    socket.write(`${line}\n`);
    await closing(socket);
  }
  await requireMet([rank0!, rank1!, start({ trial: "none", token }, 2, 3, port!)]);
});

test("what answers in the place of rank 0 and is none is named", async () => {
  const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const { next } = start("none", 1, 2, address.port);
  const { message, mistake } = await next();
  const why = /what answers at 127\.0\.0\.1:\d+ is not rank 0: it sent what is no message/;
  assert.match(String(message), why);
  assert.equal(mistake, true);
  server.close();
});

/** A port at which a process listens, once it does. Source: proc(5), /proc/net/tcp. */
async function listeningPort(pid: number): Promise<number> {
  for (const untilMs = Date.now() + 30_000; ; ) {
    assert.ok(Date.now() < untilMs, `process ${pid} listens nowhere`);
    const sockets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
    for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      // 0A: it listens.
      if (fields[3] === "0A" && sockets.includes(fields[9]!))
        return Number.parseInt(fields[1]!.split(":")[1]!, 16);
    }
    await sleep(50);
  }
}
