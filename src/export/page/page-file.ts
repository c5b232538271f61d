/** A page's file: the built page with a model's description, and weights in pieces. */
import { createReadStream } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { packageRoot } from "../../package-root.js";
import { damagedExport } from "../damaged-export.js";
import type { PageModel, PageSubject } from "./page-model.js";

const modelPlace = "<!-- model -->";
const weightsPlace = "<!-- weights -->";
const modelStart = '<script type="application/json" id="model">';
const weightsStart = '<script type="application/octet-stream" class="weights">';
const elementEnd = "</script>";

// A multiple of 3, so that base64 grows by a third and no more; browsers take a few MB at a time well.
const pieceBytes = 3 * 2 ** 20;

/** The pages that the build makes (`scripts/build-page.mjs`). */
export type BuiltPage = "file-page" | "server-page";

/**
 * A built page with a model's description.
 * @returns its text before and behind the weights' place
 */
export async function describedPage(
  page: BuiltPage,
  subject: PageSubject | PageModel,
): Promise<readonly [before: string, behind: string]> {
  const path = join(packageRoot, "dist", "page", `${page}.html`);
  const built = await readFile(path, "utf8").catch((error: unknown) => {
    throw new Error(`${path} is not there: npm run build makes it`, { cause: error });
  });
  // An element of JSON ends at the first end tag, wherever it stands.
  const json = JSON.stringify(subject).replace(/[<\u2028\u2029]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
  const [start, end, ...rest] = built.split(modelPlace);
  const text = `${start}${modelStart}${json}${elementEnd}${end}`;
  const [before, behind, ...more] = text.split(weightsPlace);
  if (end === undefined || behind === undefined || rest.length > 0 || more.length > 0)
    throw new Error(`dist/page/${page}.html is no page: build it again`);
  return [before!, behind];
}

/**
 * Writes a page's file.
 * @param weights pieces of the weights' bytes, of any size
 */
export async function writePage(
  path: string,
  model: PageModel,
  weights: AsyncIterable<Uint8Array>,
): Promise<void> {
  const [before, behind] = await describedPage("file-page", model);
  const file = await open(path, "wx");
  try {
    await file.writeFile(before);
    let left = Buffer.alloc(0);
    const write = (piece: Buffer) =>
      file.writeFile(`${weightsStart}${piece.toString("base64")}${elementEnd}\n`);
    for await (const bytes of weights) {
      left = Buffer.concat([left, bytes]);
      let at = 0;
      for (; left.length - at >= pieceBytes; at += pieceBytes)
        await write(left.subarray(at, at + pieceBytes));
      left = left.subarray(at);
    }
    if (left.length > 0) await write(left);
    await file.writeFile(behind);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A part of a page's file: its model, or the next piece of the weights' bytes. */
export type PagePart = { readonly model: unknown } | { readonly weights: Uint8Array };

/**
 * Reads a page's file.
 * @throws UserError where it is no page of a model
 */
export async function* readPage(path: string): AsyncGenerator<PagePart> {
  const lines = createInterface({
    input: createReadStream(path),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  for await (const line of lines) {
    const text = line.endsWith(elementEnd) ? line.slice(0, -elementEnd.length) : undefined;
    if (text?.startsWith(modelStart)) yield { model: jsonOf(path, text.slice(modelStart.length)) };
    else if (text?.startsWith(weightsStart))
      yield { weights: Buffer.from(text.slice(weightsStart.length), "base64") };
  }
}

function jsonOf(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damagedExport(path, "its model is described by no JSON");
  }
}
