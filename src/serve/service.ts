/** A model behind HTTP, by Node's own server: what comes in is bounded, what waits is computed together. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIPv6, type Socket } from "node:net";
import { systemErrorCode, UserError } from "../errors.js";
import type { ServerPage } from "../export/page/server-page.js";
import type { Model } from "../library/model.js";
import { BrowserGuard } from "./browser-guard.js";
import { frontPage } from "./front-page.js";
import { ServiceMetrics } from "./metrics.js";
import { Refusal } from "./refusal.js";
import { BrokenOff, drain } from "./request-body.js";
import { type Answer, json, type Route, type RouteLimits, routeOf, routes } from "./routes.js";
import { BodyMemory, WaitingRoom } from "./waiting-room.js";

/** How a service listens, and what it takes. */
export interface ServiceOptions extends RouteLimits {
  /** An address or a name of this machine. */
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  /** Names by which browsers may reach it, besides its own. */
  readonly allowHost: readonly string[];
  /** Seconds for a request to come, and as many for its answer. */
  readonly timeout: number;
}

/** A request that was answered, for a log. */
export interface AccessRecord {
  readonly time: string;
  readonly from: string | undefined;
  readonly method: string | undefined;
  readonly path: string;
  /** 499 where the client had gone before. */
  readonly status: number;
  readonly images: number;
  readonly ms: number;
}

/** Who is told what happens. */
export interface ServiceObserver {
  readonly answered?: ((record: AccessRecord) => void) | undefined;
  /** A bug, or a model that fails: the client was told 500. */
  readonly failed: (error: unknown) => void;
}

export interface Service {
  /** Where a browser finds it. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections, answers what has come, and ends. */
  stop(): Promise<void>;
}

// A header line or two more than browsers send.
const mostHeaderBytes = 16 * 1024;
const headersMs = 10_000;
const mostConnections = 1024;
/** Bodies of all requests together: 512 MiB, or one of the largest. */
const heldBytes = 512 * 2 ** 20;
const drainedMs = 2000;
const goneStatus = 499;

/**
 * Listens.
 * @throws UserError where it cannot, as where the port is taken
 */
export async function openService(
  model: Model,
  options: ServiceOptions,
  observer: ServiceObserver,
): Promise<Service> {
  const running = new RunningService(model, options, observer, await frontPage(model));
  await running.listen();
  return running;
}

class RunningService implements Service {
  private readonly server: Server;
  private readonly routes: ReadonlyMap<string, Route>;
  private readonly metrics: ServiceMetrics;
  private readonly responses = new WeakMap<Socket, ServerResponse>();
  private guard: BrowserGuard | undefined;
  private stopping = false;
  url = "";
  port = 0;

  constructor(
    model: Model,
    private readonly options: ServiceOptions,
    private readonly observer: ServiceObserver,
    page: ServerPage,
  ) {
    const waiting = new WaitingRoom(options.maxWaiting);
    const memory = new BodyMemory(Math.max(heldBytes, options.maxBytes));
    this.metrics = new ServiceMetrics({
      waitingImages: () => waiting.images,
      heldBytes: () => memory.heldBytes,
    });
    const { metrics } = this;
    const isStopping = () => this.stopping;
    const parts = { model, limits: options, page, metrics, waiting, memory, isStopping };
    this.routes = routes(parts);
    const requestTimeout = options.timeout * 1000;
    this.server = createServer({
      headersTimeout: Math.min(headersMs, requestTimeout),
      requestTimeout,
      connectionsCheckingInterval: 1000,
      maxHeaderSize: mostHeaderBytes,
    });
    this.server.maxConnections = mostConnections;
    // For a client that does not read its answer. What is asked for takes less.
    this.server.timeout = 4 * requestTimeout;
    const handle = (waits: boolean) => (request: IncomingMessage, response: ServerResponse) => {
      this.handle(request, response, waits).catch((error: unknown) => {
        observer.failed(error);
        response.destroy();
      });
    };
    this.server.on("request", handle(false));
    // Node itself would invite every body, also those that are refused.
    this.server.on("checkContinue", handle(true));
    this.server.on("clientError", (error, socket) => this.refuseSocket(error, socket as Socket));
  }

  async listen(): Promise<void> {
    const { host, port, allowHost } = this.options;
    try {
      this.server.listen({ host, port });
      await once(this.server, "listening");
    } catch (error) {
      throw cannotListen(error, host, port);
    }
    const bound = this.server.address();
    if (bound === null || typeof bound === "string") throw new Error(`listening at ${bound}`);
    this.guard = new BrowserGuard({ address: bound.address, host, allowHost });
    this.port = bound.port;
    this.url = `http://${isIPv6(host) ? `[${host}]` : host}:${bound.port}/`;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const closed = once(this.server, "close");
    this.server.close();
    // A connection whose client says nothing more is kept no longer than a request may take.
    const most = setTimeout(() => this.server.closeAllConnections(), 2000 * this.options.timeout);
    const idle = setInterval(() => this.server.closeIdleConnections(), 200);
    await closed;
    clearTimeout(most);
    clearInterval(idle);
  }

  private async handle(
    request: IncomingMessage,
    response: ServerResponse,
    waits: boolean,
  ): Promise<void> {
    const beganMs = performance.now();
    const left = new AbortController();
    this.responses.set(request.socket, response);
    response.once("close", () => left.abort());
    const url = urlOf(request);
    const path = url?.pathname ?? "";
    let invited = !waits;
    const invite = () => {
      if (!invited) response.writeContinue();
      invited = true;
    };
    const answer = await this.answer({ request, url, invite, left });
    // What was not invited is not sent either.
    const whole = invited ? await this.drained(request) : request.complete;
    const isGone = response.destroyed || response.socket === null;
    if (!isGone) this.send(request, response, answer, whole);
    const status = isGone ? goneStatus : answer.status;
    this.metrics.answered(this.routes.has(path) ? path : "other", status);
    this.observer.answered?.({
      time: new Date().toISOString(),
      from: request.socket.remoteAddress,
      method: request.method,
      path,
      status,
      images: answer.images ?? 0,
      ms: Math.round(performance.now() - beganMs),
    });
  }

  private async answer({ request, url, invite, left }: Handled): Promise<Answer> {
    const late = setTimeout(() => left.abort(new TooLate()), 2000 * this.options.timeout);
    try {
      this.guard!.check(request);
      if (url === undefined) throw new Refusal(400, { error: "no address" });
      const route = routeOf(this.routes, url.pathname, request.method);
      const exchange = { request, query: url.searchParams, invite, signal: left.signal };
      return await route.answer(exchange);
    } catch (error) {
      return this.refusal(error, left.signal);
    } finally {
      clearTimeout(late);
    }
  }

  private refusal(error: unknown, { aborted, reason }: AbortSignal): Answer {
    if (aborted && reason instanceof TooLate)
      return json(503, { error: "it took too long (--timeout)" }, { "retry-after": "5" });
    if (error instanceof Refusal) return json(error.status, error.words, error.headers);
    // The client has gone, and with it the reason to answer.
    if (!aborted && !(error instanceof BrokenOff)) this.observer.failed(error);
    return json(500, {
      error: "not answered, and not for the request's sake: see the server's log",
    });
  }

  private drained(request: IncomingMessage): Promise<boolean> {
    return drain(request, { mostBytes: 2 * this.options.maxBytes, mostMs: drainedMs });
  }

  /** @param whole whether all of the request was read, so that another may follow it */
  private send(
    request: IncomingMessage,
    response: ServerResponse,
    { status, body, headers }: Answer,
    whole: boolean,
  ): void {
    const isLast = this.stopping || !whole;
    response.writeHead(status, {
      ...safety,
      ...headers,
      "content-length": Buffer.byteLength(body),
      ...(isLast ? { connection: "close" } : {}),
    });
    response.end(request.method === "HEAD" ? undefined : body);
    if (!whole) response.once("finish", () => setTimeout(() => request.destroy(), 100).unref());
  }

  /** What is no HTTP, or comes too slowly: Node has no request for it. */
  private refuseSocket(error: Error, socket: Socket): void {
    if (!socket.writable || this.responses.get(socket)?.headersSent === true) {
      socket.destroy();
      return;
    }
    const code = systemErrorCode(error);
    const [status, line] = malformed[code ?? ""] ?? ([400, "Bad Request"] as const);
    const body = `${JSON.stringify({ error: `${line} (${code})` })}\n`;
    const head = `HTTP/1.1 ${status} ${line}\r\ncontent-type: application/json`;
    socket.end(`${head}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    this.metrics.answered("other", status);
  }
}

interface Handled {
  readonly request: IncomingMessage;
  readonly url: URL | undefined;
  readonly invite: () => void;
  readonly left: AbortController;
}

class TooLate extends Error {}

const malformed: Readonly<Record<string, readonly [status: number, line: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
};

/** Of every answer: nothing is kept, guessed, embedded or told to other pages. */
const safety = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** The address of a request; undefined where it is none. */
function urlOf({ url = "/" }: IncomingMessage): URL | undefined {
  // A path of two slashes would be taken for a host.
  const text = url.startsWith("/") ? `http://localhost${url}` : url;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function cannotListen(error: unknown, host: string, port: number): unknown {
  const reasons: Readonly<Record<string, readonly [got: string, next: string]>> = {
    EADDRINUSE: ["is taken by another program", "give another --port, or 0 for one that is free"],
    EACCES: ["is for the system's administrator alone", "give a --port from 1024 on"],
    EADDRNOTAVAIL: ["is no address of this machine", "give another --host"],
    ERR_SOCKET_BAD_PORT: ["is no port", "give a --port from 0 to 65535"],
    ENOTFOUND: ["is a name that nobody knows", "give another --host"],
    EAI_AGAIN: ["is a name that nobody knows", "give another --host"],
  };
  const known = reasons[systemErrorCode(error) ?? ""];
  if (known === undefined) return error;
  const [got, next] = known;
  const expected = "an address of this machine, and a port that is free";
  return new UserError(`${host}, port ${port}`, got, expected, next, { cause: error });
}
