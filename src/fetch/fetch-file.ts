/**
 * Fetches a large file over HTTP(S), in as many attempts as it takes: a later one asks for the rest
 * only, on condition that the file is still the same.
 * Source: RFC 9110, sections 13.1.5 (If-Range), 14 (range requests) and 15.3.7 (206).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors.js";
import {
  Connection,
  type ConnectionOptions,
  FileFailed,
  FileRefused,
  Interruption,
  type Response,
} from "./connection.js";
import { PartialFile } from "./partial-file.js";
import { type Network, openNetwork } from "./proxy.js";
import { retryAfterMs } from "./retry-after.js";

export interface FetchOptions extends ConnectionOptions {
  /** Told how far the file is, of how much if the server says. */
  readonly progress?: ((doneBytes: number, totalBytes: number | undefined) => void) | undefined;
  /** Told in words what goes wrong and is tried again. */
  readonly note?: ((line: string) => void) | undefined;
  /** Attempts in a row that bring nothing new before it gives up; default 5. */
  readonly attempts?: number | undefined;
  /**
   * Wait before the second attempt, doubled each time; default 1 s. A server that asks for more by
   * `Retry-After` is heeded.
   */
  readonly backoffMs?: number | undefined;
  /** A longer file is refused, lest it fill the disk; default any length. */
  readonly mostBytes?: number | undefined;
  /** As `Request.authorization`: for the address's own server alone. */
  readonly authorization?: string | undefined;
}

/** The longest wait that a server may ask for; where it wants more, the download is given up. */
const LONGEST_WAIT_MS = 10 * 60_000;

/**
 * Fetches `url` into `path`, going on with what an earlier attempt left there.
 * @returns when the file is whole: as long as the server said
 * @throws FileRefused where the server refuses, or sends a web page or too much
 * @throws FileFailed where the server answers, but the connection keeps breaking
 * @throws UserError where there is no connection, or the part cannot be written
 */
export async function fetchFile(
  url: string,
  path: string,
  options: FetchOptions = {},
): Promise<void> {
  const network = openNetwork();
  const shown = withoutLogin(url);
  const part = await PartialFile.open(path, shown);
  try {
    await patiently(shown, part, options, () => attempt(url, part, network, options));
    await part.flush();
  } finally {
    await part.close();
  }
}

/**
 * What a server says of a file, without its body. Where it sends on to another server, as the Hugging
 * Face Hub does to its storage, its own answer is what counts.
 * @returns its answer, also where it refuses
 * @throws FileFailed and UserError as `fetchFile`
 */
export async function fetchFacts(
  url: string,
  options: Omit<FetchOptions, "progress" | "mostBytes"> = {},
): Promise<Pick<Response, "status" | "header">> {
  const network = openNetwork();
  const shown = withoutLogin(url);
  return patiently(shown, undefined, options, async () => {
    const connection = new Connection(network, options);
    try {
      const { authorization } = options;
      const headers = { "accept-encoding": "identity", "user-agent": "bit-train" };
      const request = { headers, method: "HEAD", authorization, staying: true } as const;
      const response = await connection.request(url, request);
      const problem = response.status < 400 ? undefined : refusal(shown, undefined, response);
      if (problem instanceof Interruption) throw problem;
      return response;
    } finally {
      connection.close();
    }
  });
}

/** Makes attempts until one does not break off, or too many in a row brought nothing new. */
async function patiently<T>(
  shown: string,
  part: PartialFile | undefined,
  { attempts = 5, backoffMs = 1000, signal, note }: FetchOptions,
  make: () => Promise<T>,
): Promise<T> {
  let farthest = part?.sizeBytes ?? 0;
  for (let failures = 0; ; ) {
    try {
      return await make();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Interruption)) throw error;
      const sizeBytes = part?.sizeBytes ?? 0;
      failures = sizeBytes > farthest ? 1 : failures + 1;
      farthest = Math.max(farthest, sizeBytes);
      if (failures >= attempts) throw brokenOff(shown, part, error);
      const askedMs = error.waitMs ?? 0;
      if (askedMs > LONGEST_WAIT_MS) throw tooBusy(shown, part, error);
      const waitMs = Math.max(backoffMs * 2 ** (failures - 1), askedMs);
      note?.(`${error.message}; trying again in ${Math.ceil(waitMs / 1000)} s`);
      await sleep(waitMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}

/** One request. Returns when the part is whole; throws Interruption where another may help. */
async function attempt(
  url: string,
  part: PartialFile,
  network: Network,
  options: FetchOptions,
): Promise<void> {
  const { record } = part;
  const shown = withoutLogin(url);
  if (record !== undefined && record.sizeBytes === part.sizeBytes) return;
  const connection = new Connection(network, options);
  try {
    // What has no validator cannot be gone on with: the rest might be another file's.
    const resumes = canGoOn(part);
    const headers = {
      // A packed transfer would count other bytes than the file has.
      "accept-encoding": "identity",
      "user-agent": "bit-train",
      ...(resumes ? { range: `bytes=${part.sizeBytes}-`, "if-range": record!.validator! } : {}),
    };
    const { authorization } = options;
    const response = await connection.request(url, { headers, authorization });
    if (response.status === 206 && resumes) {
      if (!isRest(response, part)) {
        await part.clear();
        throw new Interruption("the server sent another part of the file than was asked for");
      }
    } else if (response.status === 200) {
      refuseWebPage(shown, response);
      await part.begin({
        url: shown,
        validator: validatorOf(response),
        sizeBytes: lengthOf(response),
      });
    } else {
      if (response.status === 416) await part.clear();
      throw refusal(shown, part, response);
    }

    const total = part.record?.sizeBytes ?? undefined;
    await refuseTooLong(shown, part, total ?? part.sizeBytes, options);
    options.progress?.(part.sizeBytes, total);
    for await (const chunk of connection.chunks(response)) {
      if (total !== undefined && part.sizeBytes + chunk.length > total) {
        await part.clear();
        throw new Interruption("the server sent more bytes than the file has");
      }
      await refuseTooLong(shown, part, part.sizeBytes + chunk.length, options);
      await part.append(chunk);
      options.progress?.(part.sizeBytes, total);
    }
    if (total !== undefined && part.sizeBytes < total)
      throw new Interruption(`the connection ended at ${part.sizeBytes} of ${total} bytes`);
  } finally {
    connection.close();
  }
}

/** Whether a 206 answer is the rest of the file that the part is of. */
function isRest(response: Response, { sizeBytes, record }: PartialFile): boolean {
  if (response.packed) return false;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.header("content-range") ?? "");
  if (range === null || Number(range[1]) !== sizeBytes) return false;
  const total = range[2] === "*" ? null : Number(range[2]);
  const known = record?.sizeBytes ?? null;
  if (total !== null && known !== null && total !== known) return false;
  const validator = validatorOf(response);
  return validator === null || validator === record?.validator;
}

/** What If-Range can compare: a strong ETag, or else the date. */
function validatorOf({ header, packed }: Response): string | null {
  // Of the packed form; a part of that is no part of the file.
  if (packed) return null;
  const etag = header("etag");
  return (etag?.startsWith('"') ? etag : header("last-modified")) ?? null;
}

function lengthOf({ header, packed }: Response): number | null {
  const length = header("content-length");
  return length === undefined || packed ? null : Number(length);
}

function refuseWebPage(url: string, { header }: Response): void {
  if (!/^(text\/html|application\/xhtml)\b/i.test(header("content-type") ?? "")) return;
  throw new FileRefused(
    url,
    "answered with a web page, as a proxy, a login or an error sends in a file's place",
    "the file itself",
    "open the address in a browser to see what it says, then type the same command again",
  );
}

async function refuseTooLong(
  url: string,
  part: PartialFile,
  sizeBytes: number,
  { mostBytes = Number.POSITIVE_INFINITY }: FetchOptions,
): Promise<void> {
  if (sizeBytes <= mostBytes) return;
  await part.clear();
  throw new FileRefused(
    url,
    `the server sends ${sizeBytes} bytes or more`,
    `a file of at most ${mostBytes}`,
    "check the name and the address: something else lies there",
  );
}

function refusal(
  url: string,
  part: PartialFile | undefined,
  { status, statusText, header }: Response,
): Error {
  const got = `the server answered ${status} ${statusText}`.trim();
  if (status === 408 || status === 416 || status === 425 || status === 429 || status >= 500)
    return new Interruption(got, retryAfterMs(header("retry-after")));
  if (status === 404 || status === 410)
    return new FileRefused(
      url,
      `there is no such file (${status})`,
      "the file",
      `check the name and the address${kept(part)}`,
    );
  return new FileRefused(
    url,
    status === 401 ? `${got}: it asks for a name and a password` : got,
    "the file",
    `check that you may reach the address${kept(part)}`,
  );
}

function brokenOff(url: string, part: PartialFile | undefined, cause: Interruption): UserError {
  const Kind = cause.unreachable ? UserError : FileFailed;
  return new Kind(
    url,
    `${cause.message}, time after time`,
    "a connection that lasts",
    `check the network, then type the same command again${kept(part)}\n` +
      (part === undefined
        ? ""
        : `    or fetch the address by other means and put the file where ${part.path} is, without .part\n`) +
      "    behind a proxy: export HTTPS_PROXY=http://proxy.example:3128",
    { cause },
  );
}

function tooBusy(url: string, part: PartialFile | undefined, cause: Interruption): FileFailed {
  const minutes = Math.ceil((cause.waitMs ?? 0) / 60_000);
  return new FileFailed(
    url,
    `${cause.message}, and asks to wait for ${minutes} minutes`,
    `a server that is free within ${LONGEST_WAIT_MS / 60_000} minutes`,
    `type the same command again later${kept(part)}`,
    { cause },
  );
}

/** Whether another attempt may ask for the rest: what has no validator might be another file's by then. */
function canGoOn({ sizeBytes, record }: PartialFile): boolean {
  return sizeBytes > 0 && record !== undefined && record.validator !== null;
}

function kept(part: PartialFile | undefined): string {
  if (part === undefined || !canGoOn(part)) return "";
  return `: ${part.sizeBytes} bytes are kept in ${part.path}, and it goes on where it stopped`;
}

/** An address as it may be shown and written down. */
function withoutLogin(url: string): string {
  const address = new URL(url);
  if (address.username === "" && address.password === "") return url;
  address.username = "";
  address.password = "";
  return address.href;
}
