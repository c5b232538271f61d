/** What the control connections of ranks carry: messages as lines of JSON, and what threads tell each other. */
import type { Socket } from "node:net";
import { z } from "zod";
import { stopSignals } from "../errors.js";
import type { KeyValueAnswer, KeyValueQuestion } from "./key-values.js";

const count = z.int().nonnegative();
const endpoint = z.object({ host: z.string(), port: z.int().min(1).max(65_535) });

/** Between processes. */
const controlMessage = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: count,
    /** As `tokenIn` has it; absent in earlier versions. */
    token: z.string().nullish(),
    rank: count,
    ranks: count,
    /** Where higher ranks reach this one; null where it says hello to another than rank 0. */
    place: endpoint.nullable(),
  }),
  /** From rank 0: the places of all ranks in their order, its own the first. */
  z.object({ type: z.literal("welcome"), places: z.array(endpoint) }),
  /** To rank 0: this rank has its connections to all the others. */
  z.object({ type: z.literal("linked") }),
  /** From rank 0: all have. */
  z.object({ type: z.literal("met") }),
  /** What one rank has to say to others than rank 0 where all is done: the connection ends. */
  z.object({ type: z.literal("done") }),
  z.object({ type: z.literal("beat") }),
  /** Of one that has stood still: whether the other has gone on without it, and then would not answer. */
  z.object({ type: z.literal("ask") }),
  z.object({ type: z.literal("answer") }),
  /** What one rank has in a round; its last one is followed by the end of the connection. */
  z.object({ type: z.literal("share"), value: z.unknown(), last: z.boolean() }),
  /** What all ranks have, in their order. */
  z.object({ type: z.literal("shared"), values: z.array(z.unknown()), last: z.boolean() }),
  z.object({
    type: z.literal("lost"),
    why: z.string(),
    /** Whether it would come again, however often all were started. */
    mistake: z.boolean().optional(),
    /** Of a mistake that people can put right: what is to be done. */
    remedy: z.object({ expected: z.string(), nextStep: z.string() }).optional(),
    /** Of one that was asked to stop before they could agree on it. */
    stop: z.object({ by: z.enum(stopSignals), rank: count }).optional(),
  }),
  // As in key-values.ts.
  z.object({ type: z.literal("put"), id: count, key: z.string(), value: z.string() }),
  z.object({ type: z.literal("get"), id: count, key: z.string(), waits: z.boolean() }),
  z.object({ type: z.literal("value"), id: count, value: z.string().nullable() }),
]);

export type ControlMessage = z.infer<typeof controlMessage>;

/** Why the processes part. */
export type Parting = Omit<Extract<ControlMessage, { type: "lost" }>, "type">;

/** From the main thread to the one that holds the connections. */
export type ControlOrder =
  | KeyValueQuestion
  | { readonly type: "share"; readonly value: unknown; readonly last: boolean }
  | (Parting & { readonly type: "fail" });

/** Back to the main thread. */
export type ControlReport =
  | KeyValueAnswer
  /** The address of this machine at which the others reach it. */
  | { readonly type: "met"; readonly address: string }
  | { readonly type: "shared"; readonly values: readonly unknown[] }
  /** This process has an address alone that it must not serve at. */
  | { readonly type: "unusable"; readonly address: string }
  /** For people: for whom it waits, or who came that is none of the ranks. */
  | { readonly type: "note"; readonly text: string }
  | (Parting & { readonly type: "lost" })
  | { readonly type: "failed" };

/** What one more version of these messages would change. */
export const controlProtocol = 3;

/** Of a rank: programs are among what they hand to each other. */
export const longestLine = 256 * 2 ** 20;

/** Sends a message. */
export function send(socket: Socket, message: ControlMessage): void {
  socket.write(`${JSON.stringify(message)}\n`);
}

/** Who hears what comes by a connection. */
export interface Receiver {
  readonly take: (message: ControlMessage) => void;
  /** Told, once, of what is no message; the connection is then destroyed. */
  readonly refuse: (what: string) => void;
  /** Characters that a line may have at the moment. */
  readonly longest: () => number;
}

/** Hands on each message that comes, up to the first line that is none. */
export function receive(socket: Socket, { take, refuse, longest }: Receiver): void {
  let parts: string[] = [];
  let length = 0;
  const end = (what: string) => {
    refuse(what);
    socket.destroy();
  };
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    for (let begun = 0; !socket.destroyed; ) {
      const found = text.indexOf("\n", begun);
      const part = text.slice(begun, found < 0 ? text.length : found);
      length += part.length;
      if (length > longest()) return end(`a line of over ${longest()} characters`);
      parts.push(part);
      if (found < 0) return;
      const message = messageOf(parts.join(""));
      if (message === undefined) return end("what is no message of bit-train");
      [parts, length, begun] = [[], 0, found + 1];
      take(message);
    }
  });
}

/** @returns undefined where a line is none */
function messageOf(line: string): ControlMessage | undefined {
  try {
    return controlMessage.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
