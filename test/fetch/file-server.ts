/** A server of one file on 127.0.0.1 that misbehaves as it is told. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

// Servers of this machine are reached directly, whatever proxy it has.
for (const name of ["NO_PROXY", "no_proxy"]) process.env[name] = "127.0.0.1";

/** How one request is answered; the last of a server's list answers all further ones too. */
export interface Answer {
  /** Another status than 200 or 206. */
  readonly status?: number;
  readonly contentType?: string;
  /** Ignore ranges: always the whole file. */
  readonly withoutRanges?: boolean;
  /** Break the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Answer the range, whatever If-Range says. */
  readonly ignoreIfRange?: boolean;
  /** Announce another length of the whole file in a 206 answer. */
  readonly wrongTotal?: number;
  /** Announce another range in a 206 answer, as in `bytes 5-9/10`. */
  readonly contentRange?: string;
  /** Announce another length of the body, and end the connection after what there is. */
  readonly contentLength?: number;
  /** Do not say how long the body is. */
  readonly withoutLength?: boolean;
  readonly retryAfter?: string;
  /** Another file, by another ETag, than the server's own. */
  readonly file?: Uint8Array;
  readonly etag?: string;
  /** The file's date; then only this, no ETag but a weak one, is a validator. */
  readonly lastModified?: string;
  /** Neither ETag nor date. */
  readonly withoutValidator?: boolean;
  /** Send the body in pieces of this size, one each 20 ms. */
  readonly trickleBytes?: number;
  /** Say nothing after so many bytes, and keep the connection. */
  readonly silentAfter?: number;
}

export interface FileServer {
  readonly url: string;
  /** The requests so far: path, and the range that was asked for. */
  readonly requests: { readonly path: string; readonly range: string | undefined }[];
  close(): Promise<void>;
}

/** @param file the same for every path, or files by their paths, with 404 for all others */
export async function serveFile(
  file: Uint8Array | Readonly<Record<string, Uint8Array>>,
  answers: readonly Answer[] = [{}],
): Promise<FileServer> {
  const requests: FileServer["requests"] = [];
  const server = createServer((request, response) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)]!;
    requests.push({ path: request.url!, range: request.headers.range });
    const found = answer.file ?? (file instanceof Uint8Array ? file : file[request.url!]);
    if (found === undefined) reply(request, response, new Uint8Array(0), { status: 404 });
    else reply(request, response, found, answer);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  file: Uint8Array,
  answer: Answer,
): void {
  const { status, etag = '"one"', cutAfter, silentAfter, trickleBytes } = answer;
  response.setHeader("content-type", answer.contentType ?? "application/octet-stream");
  if (answer.retryAfter !== undefined) response.setHeader("retry-after", answer.retryAfter);
  if (status !== undefined) {
    response.writeHead(status).end(`status ${status}`);
    return;
  }
  if (answer.withoutValidator !== true) response.setHeader("etag", etag);
  if (answer.lastModified !== undefined) response.setHeader("last-modified", answer.lastModified);
  const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
  const same =
    answer.ignoreIfRange === true || request.headers["if-range"] === (answer.lastModified ?? etag);
  const start = range !== null && same && answer.withoutRanges !== true ? Number(range[1]) : 0;
  if (start > 0) {
    const total = answer.wrongTotal ?? file.length;
    const range = answer.contentRange ?? `bytes ${start}-${total - 1}/${total}`;
    response.setHeader("content-range", range);
  }
  const body = file.subarray(start);
  if (answer.withoutLength !== true)
    response.setHeader("content-length", answer.contentLength ?? body.length);
  response.writeHead(start > 0 ? 206 : 200);
  if (answer.contentLength !== undefined) {
    response.write(body, () => setTimeout(() => response.destroy(), 100));
    return;
  }
  if (cutAfter !== undefined) {
    // Not at once: what the client has not read yet, it drops with the broken connection.
    response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 150));
  } else if (silentAfter !== undefined) {
    response.write(body.subarray(0, silentAfter));
  } else if (trickleBytes !== undefined) {
    let sent = 0;
    const timer = setInterval(() => {
      response.write(body.subarray(sent, sent + trickleBytes));
      sent += trickleBytes;
      if (sent >= body.length || response.destroyed) {
        clearInterval(timer);
        response.end();
      }
    }, 20);
  } else response.end(body);
}
