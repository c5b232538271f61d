/** A forward proxy on 127.0.0.1: whole addresses for http, CONNECT for https. */
import { createServer, request as forward } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import type { TestContext } from "node:test";

export interface ForwardProxy {
  readonly url: string;
  /** What was asked for so far: `GET http://...`, `CONNECT host:port`. */
  readonly requests: string[];
}

/** @param refusal answer every request with this status, or every CONNECT with this text */
export async function forwardProxy(
  t: TestContext,
  refusal?: number | string,
): Promise<ForwardProxy> {
  const requests: string[] = [];
  const tunnels = new Set<Duplex>();
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { method, headers } = request;
    if (typeof refusal === "number") {
      response.writeHead(refusal).end();
      return;
    }
    forward(request.url!, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      // Breaks off where the server does.
      pipeline(answer, response, () => undefined);
    }).end();
  });
  server.on("connect", (request, socket) => {
    requests.push(`CONNECT ${request.url}`);
    tunnels.add(socket);
    socket.on("error", () => undefined);
    if (refusal !== undefined) {
      socket.write(statusLine(refusal));
      if (refusal !== "silence") socket.end();
      return;
    }
    const { hostname, port } = new URL(`http://${request.url}`);
    const onward = connect(Number(port), hostname, () => {
      socket.write("HTTP/1.1 200 Connected\r\n\r\n");
      onward.pipe(socket).pipe(onward);
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    for (const tunnel of tunnels) tunnel.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

function statusLine(refusal: number | string): string {
  if (refusal === "silence") return "";
  return typeof refusal === "number" ? `HTTP/1.1 ${refusal} Refused\r\n\r\n` : refusal;
}
