/** Listens for ranks that come. */
import { createServer, type Server, type Socket } from "node:net";
import { type ControlMessage, receive } from "./control-message.js";
import type { Peer } from "./peer.js";

/** With what a rank comes. */
export type Hello = Extract<ControlMessage, { type: "hello" }>;

/** A server for ranks that come, each with a greeting. @param admit undefined: the rank is refused */
export function serve(admit: (socket: Socket, hello: Hello) => Peer | undefined): Server {
  return createServer((socket) => {
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
    });
  });
}
