/** A server on 127.0.0.1 that sends bytes as it is told, whether or not they are HTTP. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Answers one request.
 * @param head the request's first line and headers
 */
export type RawAnswer = (socket: Socket, head: string) => void | Promise<void>;

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** The heads of the requests so far. */
  readonly heads: string[];
}

/** @param answers the last of them answers all further requests too */
export async function rawServer(
  t: TestContext,
  answers: readonly RawAnswer[],
  listen: (onSocket: (socket: Socket) => void) => Server = createServer,
): Promise<RawServer> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const server = listen((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let head = "";
    socket.on("data", (bytes) => {
      if (head.includes("\r\n\r\n")) return;
      head += bytes.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      heads.push(head);
      void answers[Math.min(heads.length, answers.length) - 1]!(socket, head);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, heads };
}

/** Sends pieces one after the other, each when the client will have read the one before, and ends. */
export function sends(...pieces: readonly (string | Uint8Array)[]): RawAnswer {
  return async (socket) => {
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(20);
    }
    socket.end();
  };
}

/** As `sends`, but breaks the connection off by a reset. */
export function sendsThenResets(...pieces: readonly (string | Uint8Array)[]): RawAnswer {
  return async (socket) => {
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(100);
    }
    socket.resetAndDestroy();
  };
}
