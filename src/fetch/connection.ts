/**
 * One request over HTTP(S), through the proxy that the usual variables name: HTTPS_PROXY, HTTP_PROXY
 * and NO_PROXY, in lower case too. Node's own fetch heeds them from version 24 on only.
 */
import { type Dispatcher, EnvHttpProxyAgent, fetch, type Response } from "undici";
import { systemErrorCode, UserError } from "../errors.js";

export type { Response };

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

/**
 * The way to servers. `destroy` it when done.
 * @throws UserError where a variable names a proxy that there cannot be
 */
export function openNetwork(env: NodeJS.ProcessEnv = process.env): Dispatcher {
  return new EnvHttpProxyAgent({
    httpProxy: proxyOf(env, "HTTP_PROXY"),
    httpsProxy: proxyOf(env, "HTTPS_PROXY"),
    noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
    // As other programs do: a tunnel for https only, which is all that many proxies allow.
    proxyTunnel: false,
  });
}

/** The address in a variable, lower case first as in curl; empty for none. */
function proxyOf(env: NodeJS.ProcessEnv, name: string): string {
  const value = env[name.toLowerCase()] ?? env[name] ?? "";
  if (value === "") return "";
  const address = value.includes("://") ? value : `http://${value}`;
  if (URL.canParse(address) && /^(https?|socks5?):$/.test(new URL(address).protocol))
    return address;
  throw new UserError(
    name,
    "is not a proxy's address",
    "an address such as http://proxy.example:3128",
    `correct ${name}, or unset it`,
  );
}

export interface ConnectionOptions {
  /** Stops the download; its reason is thrown, and what was fetched is kept. */
  readonly signal?: AbortSignal | undefined;
  /** A connection that is silent for so long counts as broken; default 60 s. */
  readonly stallMs?: number | undefined;
}

/** A request that breaks off when it is silent for too long, or when the user wants it. */
export class Connection {
  private readonly controller = new AbortController();
  private readonly stallMs: number;
  private readonly signal: AbortSignal | undefined;
  private timer: NodeJS.Timeout | undefined;
  private readonly stop = () => this.controller.abort();

  constructor(
    private readonly network: Dispatcher,
    { signal, stallMs = 60_000 }: ConnectionOptions,
  ) {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.stop);
    this.signal = signal;
    this.stallMs = stallMs;
  }

  async request(url: string, headers: Record<string, string>): Promise<Response> {
    this.watch();
    const { signal } = this.controller;
    return this.heard(() => fetch(url, { headers, signal, dispatcher: this.network }), true);
  }

  async *chunks({ body }: Response): AsyncGenerator<Uint8Array> {
    if (body === null) return;
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await this.heard(() => reader.read());
      if (done) return;
      yield value;
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.signal?.removeEventListener("abort", this.stop);
    // Frees the connection where the rest of the body is not wanted.
    this.controller.abort();
  }

  private watch(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.stop, this.stallMs);
  }

  /** @param first whether nothing was heard of the server before */
  private async heard<T>(call: () => Promise<T>, first = false): Promise<T> {
    try {
      const result = await call();
      this.watch();
      return result;
    } catch (error) {
      if (this.controller.signal.aborted)
        throw new Interruption(`nothing came for ${this.stallMs / 1000} s`);
      // fetch says what failed in the cause, or in the cause's cause.
      const cause = rootCause(error);
      const code = systemErrorCode(cause);
      if (!(error instanceof TypeError) && code === undefined) throw error;
      const detail = cause instanceof Error ? cause.message : String(cause);
      if (/CERT|SELF_SIGNED|VERIFY/.test(code ?? "")) throw untrusted(detail, error);
      // undici's own codes say less than its words.
      const reason = code === undefined || code.startsWith("UND_ERR") ? detail : code;
      throw new Interruption(
        `the connection failed (${reason})`,
        undefined,
        { cause: error },
        first,
      );
    }
  }
}

function rootCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error;
}

function untrusted(detail: string, cause: unknown): UserError {
  return new UserError(
    "the server's certificate",
    `cannot be trusted (${detail})`,
    "a certificate that Node knows",
    "behind a proxy with its own: export NODE_EXTRA_CA_CERTS=/path/to/certificate.pem",
    { cause },
  );
}
