/**
 * Which proxy the usual variables name for an address: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in lower
 * case too. Node's own clients heed them from version 24 on only.
 */
import { Agent, type Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { BlockList, isIP } from "node:net";
import { HttpProxyAgent } from "http-proxy-agent";
import { HttpsProxyAgent } from "https-proxy-agent";
import { SocksProxyAgent } from "socks-proxy-agent";
import { UserError } from "../errors.js";

/** Tells an address's proxy; undefined where it is reached directly. */
export type Network = (address: URL) => URL | undefined;

/**
 * The way to servers, as the environment has it now.
 * @throws UserError where a variable names a proxy that there cannot be
 */
export function openNetwork(env: NodeJS.ProcessEnv = process.env): Network {
  const http = proxyIn(env, "HTTP_PROXY");
  // As npm does, and unlike curl.
  const https = proxyIn(env, "HTTPS_PROXY") ?? http;
  const exceptions = (env["no_proxy"] ?? env["NO_PROXY"] ?? "").split(/[\s,]+/);
  return (address) => {
    if (exceptions.some((exception) => isExcepted(address, exception))) return undefined;
    return address.protocol === "https:" ? https : http;
  };
}

/** The address in a variable, lower case first as in curl; undefined for none. */
function proxyIn(env: NodeJS.ProcessEnv, name: string): URL | undefined {
  const value = env[name.toLowerCase()] ?? env[name] ?? "";
  if (value === "") return undefined;
  const address = value.includes("://") ? value : `http://${value}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  if (
    proxy !== undefined &&
    proxy.hostname !== "" &&
    /^(https?|socks(4a?|5h?)?):$/.test(proxy.protocol)
  )
    return proxy;
  throw new UserError(
    name,
    "is not a proxy's address",
    "an address such as http://proxy.example:3128",
    `correct ${name}, or unset it`,
  );
}

/**
 * Whether NO_PROXY's `exception` holds for an address: `*`; a host, which stands for all below it, as
 * `.host` and `*.host` do; an IP address or a range of them (`10.0.0.0/8`); each with a port or without.
 */
function isExcepted({ hostname, port, protocol }: URL, exception: string): boolean {
  if (exception === "*") return true;
  const host = hostname.replace(/^\[|\]$/g, "");
  const [, bracketed, plain, wanted] =
    /^(?:\[([^\]]*)\]|(.*?))(?::(\d+))?$/.exec(isIP(exception) ? `[${exception}]` : exception) ??
    [];
  if (wanted !== undefined && wanted !== (port || (protocol === "https:" ? "443" : "80")))
    return false;
  const name = (bracketed ?? plain ?? "").toLowerCase().replace(/^\*?\./, "");
  return name !== "" && (host === name || host.endsWith(`.${name}`) || isInRange(host, name));
}

function isInRange(host: string, range: string): boolean {
  const [, address = "", bits] = /^(.+)\/(\d{1,3})$/.exec(range) ?? [];
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(address, Number(bits), type);
  return list.check(host, type);
}

/**
 * What makes the connection for one request: a connection of its own, since one that is kept may be
 * closed by the server at the moment in which it is used again.
 * @param signal ends the connection also before the request has it
 */
export function connectionFor(
  address: URL,
  proxy: URL | undefined,
  signal: AbortSignal,
): HttpAgent {
  const secure = address.protocol === "https:";
  if (proxy === undefined) return secure ? new HttpsAgent() : new Agent();
  if (proxy.protocol.startsWith("socks"))
    return new SocksProxyAgent(proxy, { socketOptions: { signal } });
  // As other programs do: a tunnel for https only, which is all that many proxies allow.
  return secure ? new HttpsProxyAgent(proxy, { signal }) : new HttpProxyAgent(proxy, { signal });
}
