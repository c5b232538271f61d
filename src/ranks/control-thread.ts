/**
 * The thread that holds a process's control connections: of rank 0 to all the others, of another to rank 0. A
 * thread of its own says that the process lives while the main one is busy.
 */
import { connect, createServer, type Server, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import { isAlive, type LockOwner } from "../disk/lock-owner.js";
import {
  type ControlMessage,
  type ControlOrder,
  type ControlReport,
  controlProtocol,
  receive,
  send,
} from "./control-message.js";
import { Peer } from "./peer.js";
import { Pulse, pulseMs, standstillMs } from "./pulse.js";
import type { RankSettings } from "./rank-sources.js";

/** What the thread is given. */
export interface ControlTask extends RankSettings {
  /** So long the processes wait for each other to come. */
  readonly patienceMs: number;
  /** Of the `Pulse` that this thread gives. */
  readonly pulseMemory: SharedArrayBuffer;
  /** Who started this process and is to live as long; undefined: nobody who said so. */
  readonly launcher: LockOwner | undefined;
}

const { rank, ranks, host, port, patienceMs, pulseMemory, launcher } = workerData as ControlTask;
const seconds = Math.round(patienceMs / 1000);
const place = `${host}:${port}`;
const standstill = `rank ${rank} has stood still for more than ${standstillMs / 1000} s, and the others have gone on without it`;
const peers = new Map<number, Peer>();
const pulse = new Pulse(pulseMemory);
pulse.give();
let server: Server | undefined;
let ended = false;

function report(message: ControlReport): void {
  parentPort!.postMessage(message);
}

/** Whatever has happened, everybody is told once, and all connections end. */
function lose(reason: string): void {
  if (ended) return;
  // Then what the others say of it, and that they have ended, is no news.
  const why = pulse.stopped ? standstill : reason;
  report({ type: "lost", why });
  leave({ type: "lost", why });
}

function leave(last?: ControlMessage): void {
  ended = true;
  for (const peer of peers.values()) {
    if (last !== undefined) peer.send(last);
    peer.close();
  }
  server?.close();
  clearInterval(watch);
  parentPort!.unref();
}

const watch = setInterval(() => {
  pulse.give();
  if (pulse.stopped) lose(standstill);
  else if (launcher !== undefined && !isAlive(launcher))
    lose(`bit-launch (process ${launcher.pid}), which started this process, has ended`);
}, pulseMs);

// Of rank 0: what each rank has in the rounds that are not complete, since a fast rank is a round ahead.
const shares = Array.from({ length: ranks }, (): { value: unknown; last: boolean }[] => []);

function share(from: number, value: unknown, last: boolean): void {
  shares[from]!.push({ value, last });
  if (shares.some((waiting) => waiting.length === 0)) return;
  const round = shares.map((waiting) => waiting.shift()!);
  const message = {
    type: "shared",
    values: round.map((one) => one.value),
    last: round[0]!.last,
  } as const;
  for (const peer of peers.values()) peer.send(message);
  report({ type: "shared", values: message.values });
  if (message.last) leave();
}

function listen(): void {
  const patience = setTimeout(() => {
    const missing = shares.flatMap((_, one) => (one === 0 || peers.has(one) ? [] : [one]));
    lose(`rank ${missing.join(", ")} of ${ranks} did not come to ${place} within ${seconds} s`);
  }, patienceMs);
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    let hear: ((message: ControlMessage) => void) | undefined;
    receive(socket, (message) => {
      // What comes after the greeting may come with it.
      if (hear !== undefined) {
        hear(message);
        return;
      }
      if (message.type !== "hello") {
        socket.destroy();
        return;
      }
      const peer = admit(socket, message);
      hear = (next) => peer?.hear(next);
      if (peers.size < ranks - 1 || ended) return;
      clearTimeout(patience);
      for (const peer of peers.values()) peer.send({ type: "welcome" });
      server?.close();
      void address.then((own) => report({ type: "met", address: own }));
    });
  });
  server.on("error", (error) => {
    clearTimeout(patience);
    lose(`the processes cannot meet at ${place}: ${error.message}`);
  });
  server.listen({ port, host });
  const address = new Promise<string>((resolve) => {
    server!.once("listening", () => {
      const bound = server!.address();
      resolve(typeof bound === "object" && bound !== null ? bound.address : host);
    });
  });
}

/** @returns undefined where it is refused */
function admit(
  socket: Socket,
  hello: Extract<ControlMessage, { type: "hello" }>,
): Peer | undefined {
  const refuse = (why: string) => {
    send(socket, { type: "lost", why });
    socket.end();
  };
  const { protocol, rank: other } = hello;
  if (peers.has(other) || other === 0) {
    refuse(`there is a rank ${other} at ${place} already`);
    return undefined;
  }
  const differs = protocol !== controlProtocol || hello.ranks !== ranks || other >= ranks;
  if (differs) {
    const why = `rank ${other} of ${hello.ranks} came to ${place}, where ranks 0 to ${ranks - 1} meet`;
    refuse(why);
    lose(why);
    return undefined;
  }
  const peer = new Peer(socket, `rank ${other}`, {
    message: (message) => {
      if (message.type === "share") share(other, message.value, message.last);
      else if (message.type === "lost") lose(message.why);
    },
    lost: lose,
  });
  peers.set(other, peer);
  return peer;
}

function join(deadlineMs: number): void {
  const socket = connect({ host, port, family: 4 });
  const again = (error: Error) => {
    if (ended) return;
    if (performance.now() < deadlineMs) setTimeout(join, 200, deadlineMs);
    else lose(`rank 0 was not found at ${place} within ${seconds} s: ${error.message}`);
  };
  socket.once("error", again);
  socket.once("connect", () => {
    socket.off("error", again);
    send(socket, { type: "hello", protocol: controlProtocol, rank, ranks });
    const peer = new Peer(socket, "rank 0", {
      message: (message) => {
        if (message.type === "welcome")
          report({ type: "met", address: socket.localAddress ?? host });
        else if (message.type === "lost") lose(message.why);
        else if (message.type === "shared") {
          report({ type: "shared", values: message.values });
          if (message.last) leave();
        }
      },
      lost: lose,
    });
    receive(socket, (message) => peer.hear(message));
    peers.set(0, peer);
  });
}

parentPort!.on("message", (order: ControlOrder) => {
  if (order.type === "fail") {
    if (!ended) leave({ type: "lost", why: order.why });
    report({ type: "failed" });
  } else if (rank === 0) share(0, order.value, order.last);
  else peers.get(0)?.send(order);
});

if (rank === 0) listen();
else join(performance.now() + patienceMs);
