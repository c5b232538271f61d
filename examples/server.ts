/**
 * An HTTP server that classifies images.
 *
 *   node server.js bit_logs/pets 8080
 *   curl --data-binary @photo.jpg "http://localhost:8080/classify?top=3"
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { loadModel } from "bit-train";

const [source = "bit_logs/pets", port = "8080"] = process.argv.slice(2);
const mostBytes = 20 * 2 ** 20;

// Once for all requests: those that come together are computed together.
const model = await loadModel(source);
for (const note of model.notes) console.error(note);
// The first prediction sets up much that the others have: no client should wait for it.
const grey = { data: new Uint8Array(64 * 64 * 3).fill(127), shape: [64, 64, 3] };
for await (const _ of model.predict(grey)) break;

type Answer = readonly [status: number, body: unknown];

/** The bytes of an upload. What is too much is read to its end, so that the client hears the answer. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
  }
  return bytes > mostBytes ? undefined : Buffer.concat(chunks);
}

async function answer(request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
  const [path, query] = (request.url ?? "/").split("?");
  if (path === "/health") return [200, { model: model.name, classes: model.classes }];
  if (path !== "/classify") return [404, { error: "GET /health or POST /classify" }];
  if (request.method !== "POST") return [405, { error: "POST an image" }];
  if (request.headers["content-type"]?.startsWith("multipart/"))
    return [
      415,
      { error: "the body has to be the image itself, no form (curl --data-binary @FILE)" },
    ];
  const top = Number(new URLSearchParams(query).get("top") ?? 5);
  if (!Number.isInteger(top) || top < 1) return [400, { error: "top is a whole number from 1" }];
  const body = await bodyOf(request);
  if (body === undefined) return [413, { error: `an image has at most ${mostBytes} bytes` }];
  // What is reported is the image's fault, and so the client's; what is thrown is not.
  for await (const { error, top: classes } of model.predict(body, {
    ...{ top, signal },
    badImages: "report",
  })) {
    if (error === undefined) return [200, { top: classes }];
    return [400, { error: `the image ${error.got}`, expected: error.expected }];
  }
  throw new Error("no answer to an image");
}

let isStopping = false;

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  // For a client that has gone, nothing is computed.
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const [status, body] = await answer(request, gone.signal).catch((error: unknown): Answer => {
    if (!gone.signal.aborted) console.error(error);
    return [500, { error: "not answered, and not for the image's sake" }];
  });
  if (gone.signal.aborted) return;
  // A connection that is kept would hold up the end.
  if (isStopping) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "application/json" });
  response.end(`${JSON.stringify(body)}\n`);
}

const server = createServer((request, response) => void respond(request, response));
server.listen(Number(port));
await once(server, "listening");
console.log(`http://localhost:${(server.address() as AddressInfo).port}`);

await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
// Requests that have come are answered; then the model is closed.
isStopping = true;
server.close();
await once(server, "close");
await model.close();
