/** A forward proxy on 127.0.0.1: whole addresses for http, CONNECT for https. */
import { createServer, request as forward } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { pipeline } from "node:stream";
import type { TestContext } from "node:test";

export interface ForwardProxy {
  readonly url: string;
  /** What was asked for so far: `GET http://...`, `CONNECT host:port`. */
  readonly requests: string[];
}

/** @param refusal answer every CONNECT with this status */
export async function forwardProxy(t: TestContext, refusal?: number): Promise<ForwardProxy> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { method, headers } = request;
    forward(request.url!, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      // Breaks off where the server does.
      pipeline(answer, response, () => undefined);
    }).end();
  });
  server.on("connect", (request, socket) => {
    requests.push(`CONNECT ${request.url}`);
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} Refused\r\n\r\n`);
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
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
