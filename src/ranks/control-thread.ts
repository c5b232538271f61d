/**
 * The thread that holds a process's control connections, one to each of the others: any two of them may lose each
 * other. What is shared goes over rank 0. A thread of its own says that the process lives while the main one is busy.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { isAlive } from "../disk/lock-owner.js";
import { type Endpoint, endpointText, plainHost } from "./address.js";
import { passingOver, refusalOf, whyNotMeeting } from "./admission.js";
import {
  type ControlMessage,
  type ControlOrder,
  type ControlReport,
  controlProtocol,
  type Parting,
  send,
} from "./control-message.js";
import { type Doorway, type Hello, serve } from "./control-server.js";
import type { ControlTask } from "./control-task.js";
import { KeyValueStore } from "./key-values.js";
import { isUsable } from "./own-address.js";
import { Peer } from "./peer.js";
import { Pulse, pulseMs, standstillOf } from "./pulse.js";
import { ranksText } from "./ranks-text.js";
import { connected, reached } from "./reached.js";
import { remarks } from "./remarks.js";
import { Rounds } from "./rounds.js";
import { contradiction } from "./run-token.js";
import { Standstill } from "./standstill.js";

const task = workerData as ControlTask;
const { rank, ranks, host, port, patienceMs, pulseMemory, launcher, leaveFrom, token } = task;
const seconds = Math.round(patienceMs / 1000);
const place = endpointText({ host, port });
const peers = new Map<number, Peer>();
const pulse = new Pulse(pulseMemory);
const standstill = new Standstill(pulse, peers);
pulse.give();
let doorway: Doorway | undefined;
/** At which the others reach this process. */
let ownAddress = host;
let ended = false;

setInterval(() => {
  if (ended) pulse.giveOn();
  else if (!standstill.watch()) lose(standstillOf(rank));
  else if (launcher !== undefined && !isAlive(launcher))
    lose(`bit-launch (process ${launcher.pid}), which started this process, has ended`);
}, pulseMs);

function report(message: ControlReport): void {
  parentPort!.postMessage(message);
}

function note(text: string): void {
  report({ type: "note", text });
}

/** Says who came that is none of the ranks: they wait on. */
const passOver = passingOver(note);

/** Whatever has happened, everybody is told once, and all connections end. */
function lose(reason: string, mistake = false): void {
  part({ why: reason, mistake });
}

function part(parting: Parting): void {
  if (ended) return;
  // Then what the others say of it, and that they have ended, is no news.
  const { unsure } = standstill;
  if (unsure) pulse.stop();
  const lost = { ...(unsure ? { why: standstillOf(rank) } : parting), type: "lost" } as const;
  // The others first: this process may end as soon as it knows.
  leave(lost);
  report(lost);
}

/** Says for whom this process waits, until it is told to stop. */
const waitFor = (whom: () => string) =>
  remarks(() => note(`${whom()}, for up to ${seconds} s in all`));

function leave(last: ControlMessage): void {
  ended = true;
  for (const peer of peers.values()) {
    peer.send(last);
    peer.close();
  }
  doorway?.close();
  // The pulse is given on until the main thread, which may be busy, ends this one: to be told of a loss later is no
  // standing still.
}

/** @param take told of each message but the one that another is lost */
function addPeer(socket: Socket, other: number, take: (message: ControlMessage) => void): Peer {
  const peer: Peer = new Peer(socket, `rank ${other}`, {
    message: (message) => {
      if (message.type === "lost") part(message);
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
    return `${ranksText(absent)} of ${ranks}`;
  };
  const patience = setTimeout(() => {
    lose(`${missing()} did not come to ${place} within ${seconds} s`);
  }, patienceMs);
  const silence = waitFor(() => `waiting at ${place} for ${missing()}`);
  const places: Endpoint[] = [];
  const linked = new Set<number>();
  const take = (socket: Socket, hello: Hello) => {
    const peer = admit(socket, hello, (message) => {
      if (message.type === "share") share(hello.rank, message.value, message.last);
      if (message.type === "put" || message.type === "get")
        store.ask(message, (answer) => peers.get(hello.rank)?.send(answer));
      if (message.type !== "linked" || linked.add(hello.rank).size < ranks - 1) return;
      for (const one of peers.values()) one.send({ type: "met" });
      report({ type: "met", address: ownAddress });
    });
    if (peer === undefined) return undefined;
    places[hello.rank] = hello.place!;
    if (peers.size < ranks - 1 || ended) return peer;
    clearTimeout(patience);
    silence();
    places[0] = { host: ownAddress, port };
    for (const one of peers.values()) one.send({ type: "welcome", places });
    doorway?.close();
    return peer;
  };
  doorway = serve({ admit: take, stranger: passOver });
  doorway.open({ port, host: task.listenAt }).then(
    ({ host: bound }) => {
      ownAddress = bound;
    },
    (error: Error) => {
      clearTimeout(patience);
      silence();
      lose(`the processes cannot meet at ${place}: ${whyNotMeeting(error)}`, true);
    },
  );
}

/** @returns undefined where it is refused */
function admit(
  socket: Socket,
  hello: Hello,
  take: (message: ControlMessage) => void,
): Peer | undefined {
  const isHere = (other: number) => peers.has(other);
  const refusal = refusalOf(hello, { ranks, at: { host, port }, token, isHere });
  if (refusal === undefined) return addPeer(socket, hello.rank, take);
  const { why, others } = refusal;
  send(socket, { type: "lost", why, mistake: true });
  socket.end();
  setTimeout(() => socket.destroy(), 5000).unref();
  if (others === "end") lose(why, true);
  else passOver(why);
  return undefined;
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

/** What this process says to those that it comes to. */
const greeting = { type: "hello", protocol: controlProtocol, token, rank, ranks } as const;

/** Says to rank 0 who has come. */
function greet(socket: Socket, own: number, silence: () => void): void {
  send(socket, { ...greeting, place: { host: ownAddress, port: own } });
  let welcome = false;
  const peer = addPeer(socket, 0, (message) => {
    welcome ||= message.type === "welcome";
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
  peer.listen((what) => {
    if (welcome) peer.refuse(what);
    else lose(`what answers at ${place} is not rank 0: it sent ${what}`, true);
  });
}

let higher = 0;
let tellHigher: () => void = () => undefined;

/** @returns the port at which higher ranks reach this one */
async function openToHigher(): Promise<number> {
  const take = (socket: Socket, { protocol, rank: other, ranks: size, token: shown }: Hello) => {
    const isOurs = protocol === controlProtocol && contradiction(shown, token) === undefined;
    const isExpected = other > rank && other < ranks && size === ranks && !peers.has(other);
    if (!isOurs || !isExpected || ended) {
      socket.destroy();
      return undefined;
    }
    higher++;
    tellHigher();
    return addPeer(socket, other, () => undefined);
  };
  doorway = serve({ admit: take, stranger: passOver });
  try {
    return (await doorway.open({ port: 0, host: ownAddress })).port;
  } catch (error) {
    lose(`rank ${rank} cannot be reached: ${error instanceof Error ? error.message : error}`);
    return 0;
  }
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
    peer.listen();
    peer.send({ ...greeting, place: null });
  }
  while (higher < ranks - 1 - rank)
    await new Promise<void>((resolve) => {
      tellHigher = resolve;
    });
  doorway?.close();
  first.send({ type: "linked" });
}

parentPort!.on("message", (order: ControlOrder) => {
  if (order.type === "fail") {
    if (!ended) leave({ ...order, type: "lost" });
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
