/** A server of several files on 127.0.0.1, which may cut connections. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface DataServer {
  readonly url: string;
  /** The requests so far, such as `GET /a.tar.gz` or `GET /a.tar.gz from 100`. */
  readonly requests: string[];
}

/**
 * Serves files by their names; others are not there.
 * @param cutAfter the first answer with a file's contents breaks off after so many bytes
 */
export async function serveData(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  cutAfter?: number,
): Promise<DataServer> {
  const requests: string[] = [];
  let cut = cutAfter;
  const server = createServer((request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    requests.push(`GET ${request.url}${start > 0 ? ` from ${start}` : ""}`);
    const file = files[request.url!.slice(1)];
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const bytes = Buffer.from(file);
    const body = bytes.subarray(start);
    const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"one"',
      "content-length": body.length,
      ...(start > 0 && { "content-range": range }),
    });
    if (cut === undefined) response.end(body);
    // Not at once: what the client has not read yet, it drops with the broken connection.
    else response.write(body.subarray(0, cut), () => setTimeout(() => response.destroy(), 100));
    cut = undefined;
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}
