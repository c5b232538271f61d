/** What the service answers at which address. */
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { ServerPage } from "../export/page/server-page.js";
import type { Model } from "../library/model.js";
import { requireModest } from "./image-limits.js";
import type { ServiceMetrics } from "./metrics.js";
import { BadImages, type PredictQuery, parseQuery, predictImages } from "./predictions.js";
import { Refusal } from "./refusal.js";
import { checkBodyHeaders, readBody } from "./request-body.js";
import { bodyKind, imagesOfBody } from "./uploaded-images.js";
import type { BodyMemory, WaitingRoom } from "./waiting-room.js";

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: OutgoingHttpHeaders;
  /** Images that were predicted. */
  readonly images?: number;
}

/** A request, as a route sees it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  /** Lets a client that waits for it send its body. */
  readonly invite: () => void;
  /** Aborted where nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

/** How much is taken. */
export interface RouteLimits {
  /** Classes of each image, where a request does not say. */
  readonly top: number;
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly maxWaiting: number;
}

export interface RoutesOptions {
  readonly model: Model;
  readonly limits: RouteLimits;
  readonly page: ServerPage;
  readonly metrics: ServiceMetrics;
  readonly waiting: WaitingRoom;
  readonly memory: BodyMemory;
  readonly isStopping: () => boolean;
}

export interface Route {
  readonly methods: readonly string[];
  readonly answer: (exchange: Exchange) => Promise<Answer>;
}

const reading = ["GET", "HEAD"];

/** The routes by their paths. */
export function routes(options: RoutesOptions): ReadonlyMap<string, Route> {
  const { page, metrics } = options;
  return new Map<string, Route>([
    [
      "/",
      {
        methods: reading,
        answer: async () => {
          const headers = {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": page.policy,
            "cross-origin-opener-policy": "same-origin",
            "x-frame-options": "DENY",
          };
          return { status: 200, body: page.html, headers };
        },
      },
    ],
    ["/health", { methods: reading, answer: async () => health(options) }],
    [
      "/metrics",
      {
        methods: reading,
        answer: async () => {
          const headers = { "content-type": metrics.contentType };
          return { status: 200, body: await metrics.text(), headers };
        },
      },
    ],
    ["/predict", { methods: ["POST"], answer: (exchange) => predicted(exchange, options) }],
  ]);
}

/** An answer in JSON. */
export function json(status: number, value: unknown, headers: OutgoingHttpHeaders = {}): Answer {
  const all = { "content-type": "application/json", ...headers };
  return { status, body: `${JSON.stringify(value)}\n`, headers: all };
}

function health({ model, waiting, isStopping }: RoutesOptions): Answer {
  const { name, classes, size, precision } = model;
  const about = { model: name, classes, size: size ?? null, precision };
  const status = isStopping() ? "stopping" : "ok";
  return json(isStopping() ? 503 : 200, { status, ...about, waiting: waiting.images });
}

async function predicted(exchange: Exchange, options: RoutesOptions): Promise<Answer> {
  const { request, query, invite, signal } = exchange;
  const { model, limits, metrics, waiting, memory } = options;
  const beganMs = performance.now();
  const asked = parseQuery(query, limits);
  bodyKind(request.headers);
  waiting.requireRoom();
  const held = memory.hold();
  try {
    const bodyOptions = { maxBytes: limits.maxBytes, held };
    checkBodyHeaders(request, bodyOptions);
    invite();
    const body = await readBody(request, bodyOptions);
    const images = await imagesOfBody(body, request.headers, limits.maxWaiting);
    requireModest(images, limits.maxPixels);
    requireShortAnswer(images.length, asked, model.classes);
    const rows = await waiting.during(images.length, () =>
      predictImages(model, images, asked, signal),
    );
    const done = rows.filter((row) => "top" in row).length;
    const ms = performance.now() - beganMs;
    metrics.predicted({ ms, predicted: done, refused: rows.length - done });
    return { ...json(200, { model: model.name, predictions: rows }), images: done };
  } catch (error) {
    if (error instanceof BadImages)
      metrics.predicted({ ms: undefined, predicted: 0, refused: error.bad.length });
    throw error;
  } finally {
    held.release();
  }
}

/** An answer is made in one go, and others wait meanwhile. */
const mostNumbers = 2 ** 20;

function requireShortAnswer(images: number, { top, logits }: PredictQuery, classes: number): void {
  const numbers = images * (Math.min(top, classes) + (logits ? classes : 0));
  if (numbers > mostNumbers)
    throw new Refusal(413, {
      error: `an answer of ${numbers} numbers`,
      expected: `at most ${mostNumbers}: fewer images, a smaller top, or no logits`,
    });
}

/**
 * The route of a request.
 * @throws Refusal 404, or 405 with what the path takes
 */
export function routeOf(
  all: ReadonlyMap<string, Route>,
  path: string,
  method: string | undefined,
): Route {
  const route = all.get(path);
  if (route === undefined)
    throw new Refusal(404, { error: "nothing is here", expected: [...all.keys()].join(", ") });
  if (route.methods.includes(method ?? "")) return route;
  const allow = route.methods.join(", ");
  throw new Refusal(405, { error: `${method} ${path}`, expected: allow }, { allow });
}
