/**
 * A server with the Hugging Face Hub's paths on 127.0.0.1, and another as its storage, to which large files
 * are sent on. What it answers is what huggingface.co was seen to (huggingface_hub, file_download.py).
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";

// Servers of this machine are reached directly, whatever proxy it has.
for (const name of ["NO_PROXY", "no_proxy"]) process.env[name] = "127.0.0.1";

export const commit = "0123456789abcdef0123456789abcdef01234567";

export interface HubServerOptions {
  /** By name; weights are kept in the storage. */
  files: Record<string, Uint8Array>;
  /** Who may read; everybody where undefined. */
  token?: string;
  /** Break each of the storage's first answers after so many bytes. */
  cuts?: number[];
  /** What the storage sends in the file's place. */
  stored?: Uint8Array;
  /** Answer without digests and lengths, as a plain mirror. */
  plain?: boolean;
}

export interface HubServer {
  readonly endpoint: string;
  /** `GET /owner/...`, `GET storage ...`, with the range that was asked for. */
  readonly requests: string[];
  /** Authorization headers that came to the Hub, and to the storage. */
  readonly tokens: {
    readonly hub: (string | undefined)[];
    readonly storage: (string | undefined)[];
  };
  close(): Promise<void>;
}

async function listening(handler: RequestListener): Promise<[Server, string]> {
  const server = createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return [server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

function digest(algorithm: string, ...parts: (string | Uint8Array)[]): string {
  const hash = createHash(algorithm);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Serves one repository, `owner/name`. */
export async function serveHub(options: HubServerOptions): Promise<HubServer> {
  const requests: string[] = [];
  const tokens: HubServer["tokens"] = { hub: [], storage: [] };
  const note = (request: IncomingMessage, where: string) => {
    const range = request.headers.range === undefined ? "" : ` ${request.headers.range}`;
    requests.push(`${request.method} ${where}${range}`);
  };
  const [storage, storageUrl] = await listening((request, response) => {
    note(request, `storage ${request.url}`);
    tokens.storage.push(request.headers.authorization);
    const whole = options.stored ?? options.files[request.url!.slice(1)]!;
    const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"of-the-storage"',
      "content-length": whole.length - start,
      ...(start > 0 && {
        "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}`,
      }),
    });
    const cut = options.cuts?.shift();
    if (cut === undefined) response.end(whole.subarray(start));
    else response.write(whole.subarray(start, start + cut), () => response.socket?.end());
  });
  const [hub, endpoint] = await listening((request, response) => {
    note(request, request.url!);
    tokens.hub.push(request.headers.authorization);
    const fail = (status: number, code?: string) => {
      response.writeHead(status, code === undefined ? {} : { "x-error-code": code }).end();
    };
    const match = /^\/owner\/(name|moved)\/resolve\/([^/]+)\/(.+)$/.exec(request.url!);
    if (match === null) return fail(401, "RepoNotFound");
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`)
      return fail(401, "GatedRepo");
    const [, name, revision, file] = match as unknown as [string, string, string, string];
    if (name === "moved") {
      response.writeHead(307, { location: `/owner/name/resolve/${revision}/${file}` }).end();
      return;
    }
    if (!["main", commit, "refs%2Fpr%2F1"].includes(revision)) return fail(404, "RevisionNotFound");
    const bytes = options.files[file];
    if (bytes === undefined) return fail(404, "EntryNotFound");
    const isStored = file.endsWith(".safetensors");
    const told = {
      "x-repo-commit": commit,
      etag: `"${digest("sha1", `blob ${bytes.length}\0`, bytes)}"`,
    };
    const linked = {
      "x-linked-size": bytes.length,
      "x-linked-etag": `"${digest("sha256", bytes)}"`,
    };
    if (isStored) {
      const location = `${storageUrl}/${file}`;
      response.writeHead(302, { location, ...(options.plain ? {} : { ...told, ...linked }) }).end();
      return;
    }
    response.writeHead(200, {
      "content-length": bytes.length,
      "content-type": "text/plain; charset=utf-8",
      ...(options.plain ? {} : told),
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
  const close = async () => {
    for (const server of [hub, storage]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  };
  return { endpoint, requests, tokens, close };
}
