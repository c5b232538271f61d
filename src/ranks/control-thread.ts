/**
 * The thread that holds a process's control connections, one to each of the others: any two of them may lose each
 * other. What is shared goes over rank 0. A thread of its own says that the process lives while the main one is busy.
 */
import { once } from "node:events";
import type { Server, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { isAlive, type LockOwner } from "../disk/lock-owner.js";
import { systemErrorCode } from "../errors.js";
import { type Endpoint, endpointText, plainHost } from "./address.js";
import {
  type ControlMessage,
  type ControlOrder,
  type ControlReport,
  controlProtocol,
  receive,
  send,
} from "./control-message.js";
import { type Hello, serve } from "./control-server.js";
import { KeyValueStore } from "./key-values.js";
import { type AddressWish, isUsable } from "./own-address.js";
import { Peer } from "./peer.js";
import { Pulse, pulseMs, standstillOf } from "./pulse.js";
import type { RankSettings } from "./rank-sources.js";
import { connected, reached } from "./reached.js";
import { remarks } from "./remarks.js";
import { Rounds } from "./rounds.js";

/** What the thread is given. */
export interface ControlTask extends RankSettings, AddressWish {
  /** Of rank 0: its address at which all meet. */
  readonly listenAt: string | undefined;
  /** Of another: its addresses that it may take; undefined: whichever the system takes. */
  readonly leaveFrom: readonly string[] | undefined;
  /** So long the processes wait for each other to come. */
  readonly patienceMs: number;
  /** Of the `Pulse` that this thread gives. */
  readonly pulseMemory: SharedArrayBuffer;
  /** Who started this process and is to live as long; undefined: nobody who said so. */
  readonly launcher: LockOwner | undefined;
}

const task = workerData as ControlTask;
const { rank, ranks, host, port, patienceMs, pulseMemory, launcher, leaveFrom } = task;
const seconds = Math.round(patienceMs / 1000);
const place = endpointText({ host, port });
/** A process that has just ended may have the port for so long. */
const portMs = 5000;
const standstill = standstillOf(rank);
const peers = new Map<number, Peer>();
const pulse = new Pulse(pulseMemory);
pulse.give();
let server: Server | undefined;
/** At which the others reach this process. */
let ownAddress = host;
let ended = false;

const watch = setInterval(() => {
  pulse.give();
  if (pulse.stopped) lose(standstill);
  else if (launcher !== undefined && !isAlive(launcher))
    lose(`bit-launch (process ${launcher.pid}), which started this process, has ended`);
}, pulseMs);

function report(message: ControlReport): void {
  parentPort!.postMessage(message);
}

/** Whatever has happened, everybody is told once, and all connections end. */
function lose(reason: string, mistake = false): void {
  if (ended) return;
  // Then what the others say of it, and that they have ended, is no news.
  const why = pulse.stopped ? standstill : reason;
  // The others first: this process may end as soon as it knows.
  leave({ type: "lost", why, mistake });
  report({ type: "lost", why, mistake });
}

/** Says for whom this process waits, until it is told to stop. */
const waitFor = (whom: () => string) =>
  remarks(() => report({ type: "waiting", text: `${whom()}, for up to ${seconds} s in all` }));

function leave(last: ControlMessage): void {
  ended = true;
  for (const peer of peers.values()) {
    peer.send(last);
    peer.close();
  }
  server?.close();
  clearInterval(watch);
  parentPort!.unref();
}

/** @param take told of each message but the one that another is lost */
function addPeer(socket: Socket, other: number, take: (message: ControlMessage) => void): Peer {
  const peer: Peer = new Peer(socket, `rank ${other}`, {
    message: (message) => {
      if (message.type === "lost") lose(message.why, message.mistake);
      else if (message.type === "done") peer.close();
      else take(message);
    },
    lost: lose,
  });
  peers.set(other, peer);
  return peer;
}

// Of rank 0: what the ranks have for each other, in rounds and under names.
const rounds = new Rounds(ranks);
const store = new KeyValueStore();

function share(from: number, value: unknown, last: boolean): void {
  const message = rounds.add(from, value, last);
  if (message === undefined) return;
  for (const peer of peers.values()) peer.send(message);
  report({ type: "shared", values: message.values });
  if (message.last) leave({ type: "done" });
}

/** Of rank 0. */
function listen(): void {
  const missing = () => {
    const absent = rounds.ranks.filter((one) => one !== 0 && !peers.has(one));
    return `rank ${absent.join(", ")} of ${ranks}`;
  };
  const patience = setTimeout(() => {
    lose(`${missing()} did not come to ${place} within ${seconds} s`);
  }, patienceMs);
  const silence = waitFor(() => `waiting at ${place} for ${missing()}`);
  const places: Endpoint[] = [];
  const linked = new Set<number>();
  server = serve((socket, hello) => {
    const peer = admit(socket, hello, (message) => {
      if (message.type === "share") share(hello.rank, message.value, message.last);
      if (message.type === "put" || message.type === "get")
        store.ask(message, (answer) => peers.get(hello.rank)?.send(answer));
      if (message.type !== "linked" || linked.add(hello.rank).size < ranks - 1) return;
      for (const one of peers.values()) one.send({ type: "met" });
      report({ type: "met", address: ownAddress });
    });
    if (peer !== undefined) places[hello.rank] = hello.place!;
    if (peers.size < ranks - 1 || ended) return peer;
    clearTimeout(patience);
    silence();
    places[0] = { host: ownAddress, port };
    for (const one of peers.values()) one.send({ type: "welcome", places });
    server?.close();
    return peer;
  });
  const untilMs = performance.now() + portMs;
  const open = () => server!.listen({ port, host: task.listenAt });
  server.on("error", (error) => {
    const passes = systemErrorCode(error) === "EADDRINUSE" && performance.now() < untilMs;
    if (passes) return void setTimeout(open, 200);
    clearTimeout(patience);
    silence();
    lose(`the processes cannot meet at ${place}: ${error.message}`, true);
  });
  server.on("listening", () => {
    const bound = server!.address();
    if (typeof bound === "object" && bound !== null) ownAddress = bound.address;
  });
  open();
}

/** @returns undefined where it is refused */
function admit(
  socket: Socket,
  hello: Hello,
  take: (message: ControlMessage) => void,
): Peer | undefined {
  const refuse = (why: string) => {
    send(socket, { type: "lost", why, mistake: true });
    socket.end();
  };
  const { protocol, rank: other } = hello;
  const differs = protocol !== controlProtocol || hello.ranks !== ranks || other >= ranks;
  if (differs || hello.place === null) {
    const why =
      protocol === controlProtocol
        ? `rank ${other} of ${hello.ranks} came to ${place}, where ranks 0 to ${ranks - 1} meet: all machines have to give the same numbers of machines and processes`
        : `rank ${other}, which came to ${place}, is of another version of bit-train than rank 0`;
    refuse(why);
    lose(why, true);
    return undefined;
  }
  if (peers.has(other) || other === 0) {
    refuse(`there is a rank ${other} at ${place} already: each process has to have another rank`);
    return undefined;
  }
  return addPeer(socket, other, take);
}

/** Of another rank than 0. */
async function join(): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  let found = false;
  let last = "nobody has answered";
  const silence = waitFor(() =>
    found
      ? `rank 0 is at ${place}; waiting for other ranks`
      : `waiting for rank 0 at ${place} (${last})`,
  );
  for (let tries = 0; !ended; tries++) {
    try {
      const socket = await connected({ host, port }, leaveFrom, tries);
      socket.on("error", () => undefined);
      found = true;
      ownAddress = plainHost(socket.localAddress ?? host);
      // Before anything is opened there.
      if (isUsable(ownAddress, task)) greet(socket, await openToHigher(), silence);
      else report({ type: "unusable", address: ownAddress });
      return;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
      if (performance.now() > deadlineMs)
        lose(`rank 0 was not found at ${place} within ${seconds} s: ${last}`);
      else await sleep(200);
    }
  }
}

/** Says to rank 0 who has come. */
function greet(socket: Socket, own: number, silence: () => void): void {
  const greeting = { type: "hello", protocol: controlProtocol, rank, ranks } as const;
  send(socket, { ...greeting, place: { host: ownAddress, port: own } });
  const peer = addPeer(socket, 0, (message) => {
    if (message.type === "welcome") void link(message.places, peer);
    else if (message.type === "met") {
      silence();
      report({ type: "met", address: ownAddress });
    } else if (message.type === "shared") {
      report({ type: "shared", values: message.values });
      if (message.last) leave({ type: "done" });
    } else if (message.type === "value") report(message);
  });
  if (socket.destroyed) lose("rank 0 has ended");
  receive(socket, (message) => peer.hear(message));
}

let higher = 0;
let tellHigher: () => void = () => undefined;

/** @returns the port at which higher ranks reach this one */
async function openToHigher(): Promise<number> {
  server = serve((socket, { protocol, rank: other, ranks: size }) => {
    const isExpected = other > rank && other < ranks && size === ranks && !peers.has(other);
    if (protocol !== controlProtocol || !isExpected || ended) {
      socket.destroy();
      return undefined;
    }
    higher++;
    tellHigher();
    return addPeer(socket, other, () => undefined);
  });
  server.on("error", (error) => lose(`rank ${rank} cannot be reached: ${error.message}`));
  server.listen({ port: 0, host: ownAddress });
  await once(server, "listening");
  const bound = server.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

/** Connects to the ranks between 0 and this one, and waits for the higher ones. */
async function link(places: readonly Endpoint[], first: Peer): Promise<void> {
  for (const [other, at] of places.entries()) {
    if (other === 0 || other >= rank) continue;
    const socket = await reached(at);
    if (ended) return;
    if (typeof socket === "string")
      return lose(`rank ${rank} does not reach rank ${other} at ${endpointText(at)}: ${socket}`);
    const peer = addPeer(socket, other, () => undefined);
    receive(socket, (message) => peer.hear(message));
    peer.send({ type: "hello", protocol: controlProtocol, rank, ranks, place: null });
  }
  while (higher < ranks - 1 - rank)
    await new Promise<void>((resolve) => {
      tellHigher = resolve;
    });
  server?.close();
  first.send({ type: "linked" });
}

parentPort!.on("message", (order: ControlOrder) => {
  if (order.type === "fail") {
    if (!ended) leave({ type: "lost", why: order.why, mistake: order.mistake });
    report({ type: "failed" });
  } else if (rank !== 0) {
    const isLast = order.type === "share" && order.last;
    for (const [other, peer] of peers) if (isLast && other > 0) peer.mayLeave();
    peers.get(0)?.send(order);
  } else if (order.type === "share") share(0, order.value, order.last);
  else store.ask(order, report);
});

if (rank === 0) listen();
else void join();
