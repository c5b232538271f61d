/**
 * An HTTP server that classifies images.
 *
 *   node server.js bit_logs/pets 8080
 *   curl --data-binary @photo.jpg http://localhost:8080/classify?top=3
 */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { loadModel, UserError } from "bit-train";

const [source = "bit_logs/pets", port = "8080"] = process.argv.slice(2);
const mostBytes = 20 * 2 ** 20;

// Once for all requests: those that come together are computed together.
const model = await loadModel(source);
for (const note of model.notes) console.error(note);

/** The bytes of an upload. What is too much is read to its end, so that the client hears the answer. */
async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= mostBytes) chunks.push(chunk);
  }
  if (bytes > mostBytes) throw new RangeError(`${bytes} bytes, more than ${mostBytes}`);
  return Buffer.concat(chunks);
}

async function answer(request: IncomingMessage): Promise<[status: number, body: unknown]> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/health") return [200, { model: model.name, classes: model.classes }];
  if (pathname !== "/classify") return [404, { error: "GET /health or POST /classify" }];
  if (request.method !== "POST") return [405, { error: "POST an image" }];
  try {
    const top = Number(searchParams.get("top") ?? 5);
    for await (const prediction of model.predict(await bodyOf(request), { top }))
      return [200, { top: prediction.top }];
    return [400, { error: "no image" }];
  } catch (error) {
    if (error instanceof RangeError) return [413, { error: error.message }];
    // What the client can put right: damaged images, formats that are not read.
    if (error instanceof UserError) return [400, { error: error.got, expected: error.expected }];
    throw error;
  }
}

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(`${JSON.stringify(body)}\n`);
    },
    (error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    },
  );
});
server.listen(Number(port));
await once(server, "listening");
console.log(`http://localhost:${(server.address() as AddressInfo).port}`);

await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
server.close();
await model.close();
