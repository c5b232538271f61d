/**
 * One request over HTTP(S), through the proxy that the usual variables name. By Node's own client:
 * whatever a server or a proxy does is an error of the request or of its body, and none is thrown where
 * nobody can catch it.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, type Readable, type Transform } from "node:stream";
import { checkServerIdentity } from "node:tls";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { systemErrorCode, UserError } from "../errors.js";
import { connectionFor, type Network } from "./proxy.js";

/** What a server answers. */
export interface Response {
  readonly status: number;
  readonly statusText: string;
  /** A header's value by its name in lower case; undefined where there is none. */
  header(name: string): string | undefined;
  /** Whether the body was packed for the transfer: then its length and validator are not the file's. */
  readonly packed: boolean;
  /** The body, unpacked. */
  readonly body: Readable;
}

/** A failure that may pass. */
export class Interruption extends Error {
  constructor(
    message: string,
    /** How long the server asks to wait before the next attempt. */
    readonly waitMs?: number | undefined,
    options?: ErrorOptions,
    /** Whether no server was reached: other files will fare no better. */
    readonly unreachable = false,
  ) {
    super(message, options);
  }
}

/** This one file cannot be had, which says nothing of others: refused, or something else. */
export class FileRefused extends UserError {}

/** A server that answers fails at this file time after time. Where others fare so too, it is the server. */
export class FileFailed extends FileRefused {}

export interface ConnectionOptions {
  /** Stops the download; its reason is thrown, and what was fetched is kept. */
  readonly signal?: AbortSignal | undefined;
  /** A connection that is silent for so long counts as broken; default 60 s. */
  readonly stallMs?: number | undefined;
}

/** What is asked, and how. */
export interface Request {
  readonly headers: Readonly<Record<string, string>>;
  /** `HEAD` asks for what is known of a file, without its body; default `GET`. */
  readonly method?: "GET" | "HEAD" | undefined;
  /**
   * The value of the header Authorization. It goes to the address's own server alone: where that sends on
   * to another, it is left out, and stays out.
   */
  readonly authorization?: string | undefined;
  /** Follow only what stays on the address's own server; anything else is the answer. */
  readonly staying?: boolean | undefined;
}

/** As browsers do. Source: Fetch Standard, section 4.4. */
const MOST_REDIRECTS = 20;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/** The system's words for a server that is not there. */
const UNREACHABLE =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)(UNREACH|DOWN)|ETIMEDOUT|EADDRNOTAVAIL)$/;

/** A request that breaks off when it is silent for too long, or when the user wants it. */
export class Connection {
  private readonly controller = new AbortController();
  private readonly stallMs: number;
  private readonly signal: AbortSignal | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly stop = () => this.controller.abort();
  private readonly stopped: Promise<never>;

  constructor(
    private readonly network: Network,
    { signal, stallMs = 60_000 }: ConnectionOptions,
  ) {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.stop);
    this.signal = signal;
    this.stallMs = stallMs;
    this.stopped = new Promise((_, reject) =>
      this.controller.signal.addEventListener("abort", () => reject(new Error("stopped"))),
    );
    this.stopped.catch(() => undefined);
  }

  /**
   * Asks for `url`, and for where it sends on to.
   * @throws Interruption where it may go better another time
   * @throws FileRefused where it sends on without end, or to what is no address
   * @throws UserError where a certificate cannot be trusted, or a proxy refuses
   */
  async request(url: string, { authorization, staying, ...request }: Request): Promise<Response> {
    let address = new URL(url);
    const { origin } = address;
    let { headers } = request;
    if (authorization !== undefined) headers = { ...headers, authorization };
    for (let redirects = 0; ; redirects++) {
      const proxy = this.network(address);
      const answer = await this.heard(
        () => this.ask(address, proxy, { ...request, headers }),
        proxy,
      );
      const { statusCode = 0, statusMessage = "" } = answer;
      if (proxy !== undefined && statusCode === 407)
        throw proxyRefused(proxy, statusCode, statusMessage);
      const { location } = answer.headers;
      if (location === undefined || !REDIRECTS.includes(statusCode))
        return { status: statusCode, statusText: statusMessage, ...unpacked(address, answer) };
      if (staying === true && leaves(origin, address, location))
        return { status: statusCode, statusText: statusMessage, ...unpacked(address, answer) };
      answer.destroy();
      if (redirects === MOST_REDIRECTS) throw sentOn(url, "without end, in a circle perhaps");
      // Node takes the bytes for Latin-1; many servers send UTF-8.
      const to = Buffer.from(location, "latin1").toString();
      if (!URL.canParse(to, address.href)) throw sentOn(url, `to ${to}`);
      address = new URL(to, address);
      if (!/^https?:$/.test(address.protocol)) throw sentOn(url, `to ${to}`);
      if (address.origin !== origin) headers = request.headers;
    }
  }

  /** The body's bytes as they come. Throws Interruption where they break off. */
  async *chunks({ body }: Response): AsyncGenerator<Uint8Array> {
    const bytes = body[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.heard(() => bytes.next());
      if (done === true) return;
      yield value;
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener("abort", this.stop);
    // Frees the connection where the rest of the body is not wanted.
    this.controller.abort();
  }

  private ask(
    address: URL,
    proxy: URL | undefined,
    { headers, method = "GET" }: Pick<Request, "headers" | "method">,
  ): Promise<IncomingMessage> {
    const { signal } = this.controller;
    const agent = connectionFor(address, proxy, signal);
    const make = address.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request: ClientRequest = make(address, {
        ...{ headers: { ...headers }, method, signal, agent },
        // Within a tunnel, Node would compare an IP address's certificate with "localhost".
        checkServerIdentity: (_, certificate) => checkServerIdentity(address.hostname, certificate),
      });
      // Errors may come at any time, after the answer too, where they change nothing.
      request.on("error", reject);
      request.on("close", () => reject(new Error("it was closed without an answer")));
      request.on("response", (answer) => {
        answer.on("error", () => undefined);
        resolve(answer);
      });
      // A tunnel through a proxy. What is not 200 would be taken for the server's own answer.
      request.on("proxyConnect", ({ statusCode, statusText }: ConnectAnswer) => {
        if (proxy !== undefined && statusCode !== undefined && statusCode !== 200)
          reject(proxyRefused(proxy, statusCode, statusText ?? ""));
      });
      request.end();
    });
  }

  /** Waits for what the connection does next, but not for ever. */
  private async heard<T>(call: () => Promise<T>, proxy?: URL): Promise<T> {
    this.timer = setTimeout(this.stop, this.stallMs);
    try {
      return await Promise.race([call(), this.stopped]);
    } catch (error) {
      if (this.controller.signal.aborted)
        throw new Interruption(`nothing came for ${this.stallMs / 1000} s`);
      throw interruption(error, proxy);
    } finally {
      clearTimeout(this.timer);
    }
  }
}

/** What https-proxy-agent tells of a proxy's answer to CONNECT; http-proxy-agent tells neither. */
interface ConnectAnswer {
  readonly statusCode?: number;
  readonly statusText?: string;
}

/** What a failure of a connection means: nearly always that another try may help. */
function interruption(error: unknown, proxy: URL | undefined): unknown {
  const ours = error instanceof UserError || error instanceof Interruption;
  // A TypeError is Node's word for a call that is wrong.
  if (ours || error instanceof TypeError || !(error instanceof Error)) return error;
  const code = systemErrorCode(error) ?? "";
  if (/CERT|SELF_SIGNED|VERIFY/.test(code)) return untrusted(error);
  // What the system says is known by its code; what Node and TLS say, by their words.
  const reason = /^E[A-Z_]+$/.test(code) && code !== "EPROTO" ? code : error.message;
  const absent = UNREACHABLE.test(code);
  const way = proxy === undefined ? "" : ` ${absent ? "to" : "through"} the proxy ${proxy.host}`;
  const message = `the connection${way} failed (${reason.trim()})`;
  return new Interruption(message, undefined, { cause: error }, absent);
}

/** Whether a redirect goes to another server. */
function leaves(origin: string, address: URL, location: string): boolean {
  return !URL.canParse(location, address.href) || new URL(location, address).origin !== origin;
}

/** The body without the packing that a server adds though it was not asked to. */
function unpacked(
  { pathname }: URL,
  answer: IncomingMessage,
): Pick<Response, "body" | "packed" | "header"> {
  const header = (name: string) => {
    const value = answer.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  };
  const coding = (header("content-encoding") ?? "").trim().toLowerCase();
  const unpack = unpackerOf(coding);
  // Some servers call an archive's own packing the transfer's.
  const isOfFile = /gzip/.test(coding) && /\.t?gz$/i.test(pathname);
  if (unpack === undefined || isOfFile) return { body: answer, packed: false, header };
  const body = unpack();
  // An error of either is one of the body's, which is thrown to whoever reads it.
  pipeline(answer, body, () => undefined);
  return { body, packed: true, header };
}

/** Source: RFC 9110, section 8.4.1. Other codings are left as they came, as browsers do. */
function unpackerOf(coding: string): (() => Transform) | undefined {
  switch (coding) {
    case "gzip":
    case "x-gzip":
      return createGunzip;
    case "deflate":
      return createInflate;
    case "br":
      return createBrotliDecompress;
    default:
      return undefined;
  }
}

function sentOn(url: string, where: string): FileRefused {
  return new FileRefused(
    url,
    `the server sends on ${where}`,
    "a file, or another http or https address of it",
    "open the address in a browser to see where the file is, and correct the address",
  );
}

function proxyRefused(proxy: URL, status: number, statusText: string): Error {
  if (!Number.isInteger(status))
    return new Interruption(
      `what the proxy ${proxy.host} answered is no HTTP`,
      undefined,
      {},
      true,
    );
  const got = `the proxy answered ${status} ${statusText}`.trim();
  if (status >= 500 || status === 408 || status === 429)
    return new Interruption(`${got} (${proxy.host})`, undefined, {}, true);
  const login = status === 407;
  return new UserError(
    `the proxy ${proxy.host}`,
    login ? `${got}: it asks for a name and a password` : `${got}: it does not let this through`,
    "a proxy that lets downloads through",
    login
      ? `put them into the variable: export HTTPS_PROXY=${proxy.protocol}//NAME:PASSWORD@${proxy.host}`
      : "correct HTTPS_PROXY, or name the server in NO_PROXY where it can be reached directly",
  );
}

function untrusted(cause: Error): UserError {
  return new UserError(
    "the server's certificate",
    `cannot be trusted (${cause.message})`,
    "a certificate that Node knows",
    "behind a proxy with its own: export NODE_EXTRA_CA_CERTS=/path/to/certificate.pem",
    { cause },
  );
}
