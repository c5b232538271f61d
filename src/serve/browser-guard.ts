/**
 * What a browser may be made to do by pages of others. Two things are refused: a name in `Host` that is not
 * this server's, as where a page's own name was made to lead here (DNS rebinding), by which it could read
 * the answers; and a POST from another origin, by which it could make the machine compute without being
 * seen. Programs other than browsers send no `Origin`, and are served.
 */
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { Refusal } from "./refusal.js";

export interface GuardOptions {
  /** The address that is listened at. */
  readonly address: string;
  /** What was asked to be listened at, a name perhaps. */
  readonly host: string;
  /** Names besides, as of a proxy before this server. */
  readonly allowHost: readonly string[];
}

/** Whether only programs of this machine reach an address. */
function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127\./.test(address);
}

export class BrowserGuard {
  private readonly names: readonly string[];
  /** Whether names are known: a server of a network may have any, unless it was told. */
  private readonly isStrict: boolean;

  constructor({ address, host, allowHost }: GuardOptions) {
    this.names = ["localhost", host, ...allowHost].map((name) => name.toLowerCase());
    this.isStrict = isLoopback(address) || allowHost.length > 0;
  }

  /** @throws Refusal 421 where the request is meant for another server, 403 where another's page made it */
  check({ headers, method }: Pick<IncomingMessage, "headers" | "method">): void {
    const { host, origin } = headers;
    if (host !== undefined && !this.isOwn(host))
      throw new Refusal(421, {
        error: `this server is not called ${host}`,
        expected: "localhost, an address, or a name that bit-serve was given by --allow_host",
      });
    if (method === "GET" || method === "HEAD" || origin === undefined) return;
    if (!this.isOwnOrigin(origin, host))
      throw new Refusal(403, {
        error: `a page of another origin, ${origin}, asked for this`,
        expected: "the server's own page, or a program that is no browser",
      });
  }

  private isOwn(host: string): boolean {
    if (!this.isStrict) return true;
    const name = nameOf(host);
    // An address is never a name that somebody made to lead here.
    if (isIP(name.replace(/^\[|\]$/g, "")) !== 0) return true;
    return this.names.includes(name) || name.endsWith(".localhost");
  }

  private isOwnOrigin(origin: string, host: string | undefined): boolean {
    // Not a URL: a sandboxed page's, or a file's (`null`).
    if (!URL.canParse(origin)) return false;
    const from = new URL(origin);
    if (from.protocol !== "http:" && from.protocol !== "https:") return false;
    if (host !== undefined && URL.canParse(`${from.protocol}//${host}`))
      if (new URL(`${from.protocol}//${host}`).host === from.host) return true;
    // Behind a proxy, whose name the browser knows and this server is told.
    return this.names.slice(2).includes(from.hostname);
  }
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
}
