/**
 * Fetches files as their publishers offer them, and proves them by the MD5 sums that are published
 * with them.
 */
import { readFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileHash } from "../../disk/file-hash.js";
import { makeFolder } from "../../disk/make-folder.js";
import { wholeSizeText } from "../../disk/size-text.js";
import { UserError } from "../../errors.js";
import { FileFailed, FileRefused } from "../../fetch/connection.js";
import { fetchFile } from "../../fetch/fetch-file.js";
import { finishPart, removePart } from "../../fetch/partial-file.js";

/** A file that a dataset's publisher, or who hosts it for him, offers. */
export interface PublishedFile {
  readonly url: string;
  readonly md5: string;
  readonly sizeBytes: number;
}

/** How missing files are come by. */
export interface DataFetch {
  /** Fetch nothing. */
  readonly offline?: boolean | undefined;
  /** A mirror: an address that replaces all of a file's address but its name. */
  readonly dataUrl?: string | undefined;
  /** Hold files to the mirror's own MD5SUMS, for one whose files are not the publishers'. */
  readonly trustMirror?: boolean | undefined;
  /** Stops fetching and unpacking; its reason is thrown, and what was fetched is kept. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far a file is, of how much if the server says. */
  readonly fetchProgress?:
    | ((label: string, doneBytes: number, totalBytes: number | undefined) => void)
    | undefined;
  /** Told in words what is done. */
  readonly note?: ((line: string) => void) | undefined;
}

/** A file's own name. */
export function fileName({ url }: PublishedFile): string {
  return basename(new URL(url).pathname);
}

/** What a message says of a file: where it is, how long, and its sum. */
export function describePublished({ url, sizeBytes, md5 }: PublishedFile): string {
  return `${url} (${wholeSizeText(sizeBytes)}, MD5 ${md5})`;
}

/**
 * Fetches a file into a folder, which is made where it is not there. Until the file is whole and
 * proven it has another name; a later attempt goes on with it.
 * @throws UserError where it cannot be had, or is not what was published
 */
export async function fetchPublished(
  file: PublishedFile,
  folder: string,
  request: DataFetch,
): Promise<void> {
  const { dataUrl, trustMirror, signal, fetchProgress, note } = request;
  await makeFolder(folder, "--datadir");
  const name = fileName(file);
  const path = join(folder, name);
  const part = `${path}.part`;
  const url = dataUrl === undefined ? file.url : onMirror(dataUrl, name);
  const mirrored = dataUrl && trustMirror ? await mirroredSum(dataUrl, path, signal) : undefined;
  if (mirrored !== undefined)
    note?.(`${name} is proven by the mirror's MD5SUMS, not by its publisher's sum`);
  const expected = mirrored ?? file.md5;

  note?.(`fetching ${url} (${wholeSizeText(file.sizeBytes)}) into ${resolve(folder)}`);
  const progress =
    fetchProgress && ((done: number, total?: number) => fetchProgress(name, done, total));
  // A mirror's own file, which its own sum proves, may be of any size.
  const mostBytes = mirrored === undefined ? Math.ceil(1.1 * file.sizeBytes) + 2 ** 20 : undefined;
  await fetchFile(url, part, { signal, progress, note, mostBytes });
  const got = await fileHash(part, "md5", signal);
  if (got !== expected) {
    await removePart(part);
    throw new UserError(
      url,
      `what came has the MD5 sum ${got}; it was removed`,
      `${expected}, as ${mirrored === undefined ? "published" : "the mirror's MD5SUMS says"}`,
      "type the same command again; if it persists, the server has another file: choose another " +
        "mirror, or fetch the file by other means. A mirror with files and an MD5SUMS of its own: " +
        "--trust_mirror",
    );
  }
  await finishPart(part, path);
}

/** @throws UserError where `dataUrl` is no http(s) address */
function onMirror(dataUrl: string, name: string): string {
  if (URL.canParse(dataUrl) && /^https?:$/.test(new URL(dataUrl).protocol))
    return `${dataUrl.replace(/\/+$/, "")}/${name}`;
  throw new UserError(
    dataUrl || "the mirror's address",
    "is no address to download from",
    "an http or https address, below which the datasets' files lie",
    "correct BIT_DATA_URL, or unset it for the official addresses",
  );
}

/** What a mirror's MD5SUMS, if it has one, says of a file. */
async function mirroredSum(
  dataUrl: string,
  path: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const part = `${path}.MD5SUMS.part`;
  let text: string;
  try {
    await fetchFile(onMirror(dataUrl, "MD5SUMS"), part, { signal, mostBytes: 2 ** 20 });
    text = await readFile(part, "utf8");
  } catch (error) {
    if (error instanceof FileRefused && !(error instanceof FileFailed)) return undefined;
    throw error;
  } finally {
    await removePart(part);
  }
  for (const line of text.split(/\r?\n/)) {
    // As md5sum writes it: the sum, a blank, a blank or an asterisk, the name.
    const [, sum, name = ""] = /^([0-9a-f]{32}) [ *](.+)$/i.exec(line) ?? [];
    if (sum !== undefined && name.replace(/^\.\//, "") === basename(path)) return sum.toLowerCase();
  }
  return undefined;
}
