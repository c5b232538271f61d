/** Clients of a service: each posts a photo, waits for its answer, and posts the next. */
import { Agent, request } from "node:http";

export interface LoadOptions {
  /** The service's address, with a slash at its end. */
  readonly url: string;
  readonly clients: number;
  readonly seconds: number;
  /** JPEG files' bytes; each request sends the next. */
  readonly photos: readonly Uint8Array[];
}

export interface LoadResult {
  readonly imagesPerSecond: number;
  /** Of every request, in the order in which they ended. */
  readonly latenciesMs: readonly number[];
  /** Requests answered by another status than 200. */
  readonly failures: number;
}

/** Loads a service for some time. Requests that are under way at its end are waited for, and count. */
export async function load({ url, clients, seconds, photos }: LoadOptions): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const latenciesMs: number[] = [];
  let failures = 0;
  let next = 0;
  const began = performance.now();
  const untilMs = began + 1000 * seconds;
  const client = async () => {
    while (performance.now() < untilMs) {
      const sent = performance.now();
      const photo = photos[next++ % photos.length]!;
      const { status } = await post(`${url}predict`, photo, agent);
      if (status !== 200) failures++;
      latenciesMs.push(performance.now() - sent);
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  const elapsed = (performance.now() - began) / 1000;
  return { imagesPerSecond: latenciesMs.length / elapsed, latenciesMs, failures };
}

/** Posts an image; its answer. */
export function post(
  url: string,
  body: Uint8Array,
  agent?: Agent,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "image/jpeg", "content-length": body.length };
    const asked = request(url, { method: "POST", headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}
