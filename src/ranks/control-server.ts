/** Listens for ranks that come. Whoever reaches the port may connect: only a greeting makes a rank of it. */
import { once } from "node:events";
import { createServer, type ListenOptions, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { systemErrorCode } from "../errors.js";
import { type Endpoint, endpointText, plainHost } from "./address.js";
import { type ControlMessage, longestLine, receive } from "./control-message.js";
import type { Peer } from "./peer.js";

/** With what a rank comes. */
export type Hello = Extract<ControlMessage, { type: "hello" }>;

/** Who decides about those that come. */
export interface Host {
  /** @returns undefined: it is refused, and has been told */
  readonly admit: (socket: Socket, hello: Hello) => Peer | undefined;
  /** Told who came that is no rank, and why not. */
  readonly stranger: (text: string) => void;
}

/** A server for ranks that come. */
export interface Doorway {
  /** Begins to listen; where it does. @throws Error of the system where it cannot */
  readonly open: (at: Pick<ListenOptions, "host" | "port">) => Promise<Endpoint>;
  /** Nobody comes any more; those that have come and not said who they are go. */
  readonly close: () => void;
}

// A rank says at once who it is. What stays silent, or goes on and on, takes next to nothing of this process.
const greetingMs = 60_000;
const longestGreeting = 4096;

/** A process that has just ended may have the port for so long. */
const portMs = 5000;

/** Lets ranks in, each with a greeting. */
export function serve({ admit, stranger }: Host): Doorway {
  const unknown = new Set<Socket>();
  const server = createServer((socket) => {
    const { remoteAddress = "somebody", remotePort = 0 } = socket;
    const from = endpointText({ host: plainHost(remoteAddress), port: remotePort });
    let peer: Peer | undefined;
    const refuse = (what: string) => {
      if (peer === undefined) stranger(`${from} sent ${what}`);
      else peer.refuse(what);
    };
    const known = () => {
      unknown.delete(socket);
      clearTimeout(patience);
    };
    unknown.add(socket);
    const patience = setTimeout(() => socket.destroy(), greetingMs).unref();
    socket.on("error", () => undefined);
    socket.on("close", known);
    receive(socket, {
      refuse,
      longest: () => (peer === undefined ? longestGreeting : longestLine),
      take: (message) => {
        // What comes after the greeting may come with it. A rank that is refused is not listened to.
        if (!unknown.has(socket)) peer?.hear(message);
        else if (message.type === "hello") {
          known();
          peer = admit(socket, message);
        } else {
          refuse("what is no greeting of bit-train");
          socket.destroy();
        }
      },
    });
  });
  server.on("error", () => undefined);
  const close = () => {
    server.close();
    for (const socket of unknown) socket.destroy();
  };
  const open: Doorway["open"] = async (at) => {
    for (const untilMs = performance.now() + portMs; ; ) {
      try {
        server.listen(at);
        await once(server, "listening");
        break;
      } catch (error) {
        const passes = systemErrorCode(error) === "EADDRINUSE" && performance.now() < untilMs;
        if (!passes) throw error;
        await sleep(200);
      }
    }
    const bound = server.address();
    if (typeof bound !== "object" || bound === null) throw new Error("it does not listen");
    return { host: bound.address, port: bound.port };
  };
  return { open, close };
}
