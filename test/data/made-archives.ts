/** Archives of a few files, made for a test. */
import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { type Header, pack } from "tar-stream";
import { ZipFile } from "yazl";

export type Files = Readonly<Record<string, string | Uint8Array>>;

type Entry = Partial<Header> & { readonly name: string };

/** A tar of files and, behind them, of entries without contents. */
export async function tarOf(files: Files, others: readonly Entry[] = []): Promise<Buffer> {
  const archive = pack();
  for (const [name, contents] of Object.entries(files))
    archive.entry({ name }, Buffer.from(contents));
  for (const header of others) archive.entry(header as Header);
  archive.finalize();
  return buffer(archive);
}

export async function tarGzOf(files: Files, others?: readonly Entry[]): Promise<Buffer> {
  return gzipSync(await tarOf(files, others));
}

/** A zip of files, of which some are marked as links to what they hold. */
export async function zipOf(files: Files, links: readonly string[] = []): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, contents] of Object.entries(files)) {
    const mode = links.includes(name) ? 0o120777 : 0o100644;
    zip.addBuffer(Buffer.from(contents), name, { mode });
  }
  zip.end();
  return buffer(zip.outputStream);
}

/** The line of an MD5SUMS for each of some files. */
export function sumsOf(files: Files): string {
  const lines = Object.entries(files).map(([name, contents]) => `${md5(contents)}  ${name}\n`);
  return lines.join("");
}

export function md5(contents: string | Uint8Array): string {
  return createHash("md5").update(contents).digest("hex");
}
