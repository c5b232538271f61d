/** The images of a request: its body is one, or a form's files are. */

import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { Refusal } from "./refusal.js";

/** An image file as it was sent. */
export interface UploadedImage {
  /** The file's name, or the image's place in the request. */
  readonly source: string;
  readonly bytes: Uint8Array;
}

/** How a body holds images. */
export type BodyKind = "image" | "form";

const howToSend =
  "an image as the body (Content-Type: image/jpeg), or a form with files (curl -F image=@photo.jpg)";

/**
 * How the body holds images, by its type. A body without a type is taken for an image: its content says
 * which.
 * @throws Refusal 415 where it holds none
 */
export function bodyKind({ "content-type": type }: IncomingHttpHeaders): BodyKind {
  if (type === undefined) return "image";
  const [media = ""] = type.toLowerCase().split(";");
  const name = media.trim();
  if (name === "multipart/form-data") return "form";
  if (name.startsWith("image/") || name === "application/octet-stream") return "image";
  throw new Refusal(
    415,
    { error: `a body of type ${name}`, expected: howToSend },
    { accept: "image/*, application/octet-stream, multipart/form-data" },
  );
}

/**
 * Takes a body apart.
 * @param mostImages in a form
 * @throws Refusal 400 where it is no form, or one without files, or with other fields; 413 where it has too
 *   many
 */
export async function imagesOfBody(
  body: Uint8Array,
  headers: IncomingHttpHeaders,
  mostImages: number,
): Promise<UploadedImage[]> {
  if (bodyKind(headers) === "image") return [{ source: "image", bytes: body }];
  const images = await filesOfForm(body, headers["content-type"] ?? "", mostImages);
  if (images.length === 0)
    throw new Refusal(400, { error: "a form without files", expected: howToSend });
  return images;
}

function filesOfForm(body: Uint8Array, type: string, most: number): Promise<UploadedImage[]> {
  return new Promise((resolve, reject) => {
    const images: UploadedImage[] = [];
    let isRefused = false;
    const refuse = (error: string, expected: string, status = 400) => {
      isRefused = true;
      reject(new Refusal(status, { error, expected }));
    };
    const broken = (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      refuse(`a form that cannot be read (${reason})`, howToSend);
    };
    try {
      const form = new Busboy({ headers: { "content-type": type }, limits: formLimits(most) });
      form.on("file", (_field, stream, fileName: string | undefined) => {
        const source = fileName || `image ${images.length}`;
        const place = images.length;
        images.push({ source, bytes: new Uint8Array() });
        const chunks: Uint8Array[] = [];
        stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        stream.on("error", broken);
        stream.on("end", () => {
          const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
          images[place] = { source, bytes };
        });
      });
      form.on("field", (name) =>
        refuse(
          `a form with a field ${JSON.stringify(name.slice(0, mostShown))} that is no file`,
          "files alone; what else there is to say stands in the address, as in /predict?top=3",
        ),
      );
      const tooMany = () => refuse(`a form with more than ${most} files`, `at most ${most}`, 413);
      form.on("filesLimit", tooMany);
      form.on("partsLimit", tooMany);
      form.on("error", broken);
      form.on("finish", () => resolve(images));
      void feed(form, body, () => isRefused).catch(broken);
    } catch (error) {
      broken(error);
    }
  });
}

/** A part at a time: a boundary may be chosen so that it takes long to look for. */
async function feed(form: BusboyInstance, body: Uint8Array, isOver: () => boolean): Promise<void> {
  for (let at = 0; at < body.length && !isOver(); at += fedBytes) {
    const isFlowing = form.write(body.subarray(at, at + fedBytes));
    if (!isFlowing && form.writableNeedDrain) await once(form, "drain");
    await new Promise(setImmediate);
  }
  if (!isOver()) form.end();
}

const fedBytes = 64 * 1024;

function formLimits(files: number) {
  const parts = files + mostFields;
  const each = { fieldSize: mostFieldBytes, headerPairs: mostFields, headerSize: mostHeaderBytes };
  return { files, parts, ...each };
}

const mostFields = 20;
const mostFieldBytes = 1000;
const mostHeaderBytes = 8192;
const mostShown = 80;
