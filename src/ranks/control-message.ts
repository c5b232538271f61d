/** What the control connections of ranks carry: messages as lines of JSON, and what threads tell each other. */
import type { Socket } from "node:net";
import type { Endpoint } from "./address.js";
import type { KeyValueAnswer, KeyValueQuestion } from "./key-values.js";

/** Between processes. */
export type ControlMessage =
  | KeyValueQuestion
  | KeyValueAnswer
  | {
      readonly type: "hello";
      readonly protocol: number;
      readonly rank: number;
      readonly ranks: number;
      /** Where higher ranks reach this one; null where it says hello to another than rank 0. */
      readonly place: Endpoint | null;
    }
  /** From rank 0: the places of all ranks in their order, its own the first. */
  | { readonly type: "welcome"; readonly places: readonly Endpoint[] }
  /** To rank 0: this rank has its connections to all the others. */
  | { readonly type: "linked" }
  /** From rank 0: all have. */
  | { readonly type: "met" }
  /** What one rank has to say to others than rank 0 where all is done: the connection ends. */
  | { readonly type: "done" }
  | { readonly type: "beat" }
  /** What one rank has in a round; its last one is followed by the end of the connection. */
  | { readonly type: "share"; readonly value: unknown; readonly last: boolean }
  /** What all ranks have, in their order. */
  | { readonly type: "shared"; readonly values: readonly unknown[]; readonly last: boolean }
  /** `mistake`: it would come again, however often all were started. */
  | { readonly type: "lost"; readonly why: string; readonly mistake?: boolean };

/** From the main thread to the one that holds the connections. */
export type ControlOrder =
  | KeyValueQuestion
  | { readonly type: "share"; readonly value: unknown; readonly last: boolean }
  | { readonly type: "fail"; readonly why: string; readonly mistake: boolean };

/** Back to the main thread. */
export type ControlReport =
  | KeyValueAnswer
  /** The address of this machine at which the others reach it. */
  | { readonly type: "met"; readonly address: string }
  | { readonly type: "shared"; readonly values: readonly unknown[] }
  /** This process has an address alone that it must not serve at. */
  | { readonly type: "unusable"; readonly address: string }
  /** For people: for whom it waits. */
  | { readonly type: "waiting"; readonly text: string }
  | { readonly type: "lost"; readonly why: string; readonly mistake: boolean }
  | { readonly type: "failed" };

/** What one more version of these messages would change. */
export const controlProtocol = 2;

const longestLine = 256 * 2 ** 20;

/** Sends a message. */
export function send(socket: Socket, message: ControlMessage): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Hands on each message that comes; a connection that carries anything else is destroyed. */
export function receive(socket: Socket, take: (message: ControlMessage) => void): void {
  let text = "";
  socket.setEncoding("utf8");
  socket.on("data", (part: string) => {
    text += part;
    const lines = text.split("\n");
    text = lines.pop()!;
    if (text.length > longestLine) socket.destroy();
    for (const line of lines) {
      const message = messageOf(line);
      if (message === undefined) socket.destroy();
      if (message === undefined || socket.destroyed) return;
      take(message);
    }
  });
}

/** @returns undefined where a line is none */
function messageOf(line: string): ControlMessage | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isMessage = typeof value === "object" && value !== null && "type" in value;
    return isMessage ? (value as ControlMessage) : undefined;
  } catch {
    return undefined;
  }
}
