/**
 * Decodes one HEIC on a thread of its own: its memory is freed with the thread, and whatever becomes of
 * the decoder is no more than an error.
 */
import { parentPort, workerData } from "node:worker_threads";
import make from "libheif-js/libheif-wasm/libheif-bundle.js";
import { MOST_PIXELS } from "../image-formats/image-format.js";
import type { Pixels } from "./pixels.js";

export interface HeicTask {
  readonly file: Uint8Array;
}

/** Pixels, or why there are none. */
export type HeicReply = Pixels | string;

async function decode({ file }: HeicTask): Promise<HeicReply> {
  const libheif = make();
  await libheif.ready;
  const images = new libheif.HeifDecoder().decode(file);
  // What cameras show of several pictures, as bursts are.
  const image = images.find((one) => one.is_primary()) ?? images[0];
  if (image === undefined) return "no picture in it can be decoded";
  const [height, width] = [image.get_height(), image.get_width()];
  if (!(height * width > 0 && height * width <= MOST_PIXELS)) return `${height} x ${width} pixels`;
  const data = new Uint8ClampedArray(height * width * 4);
  const shown = await new Promise((resolve) => {
    image.display({ data, width, height }, resolve);
  });
  if (shown === null) return "its picture cannot be decoded";
  const rgb = new Uint8Array(height * width * 3);
  for (let from = 0, to = 0; to < rgb.length; from += 4) {
    rgb[to++] = data[from]!;
    rgb[to++] = data[from + 1]!;
    rgb[to++] = data[from + 2]!;
  }
  return { height, width, rgb };
}

const reply = await decode(workerData as HeicTask);
parentPort?.postMessage(reply, typeof reply === "string" ? [] : [reply.rgb.buffer as ArrayBuffer]);
