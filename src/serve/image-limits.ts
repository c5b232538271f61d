/** Images that would take far more time or memory to decode than their bytes tell. */
import { imageHeaderOf } from "../data/files/image-header.js";
import { Refusal } from "./refusal.js";
import type { UploadedImage } from "./uploaded-images.js";

/** Cameras and programs write up to about ten; each is a pass over all pixels. */
const mostScans = 100;

/**
 * Refuses images that stand for too many pixels, or are stored in too many passes, by their headers and
 * before any is decoded. What is no image is left to who decodes it.
 * @throws Refusal 413
 */
export function requireModest(images: readonly UploadedImage[], maxPixels: number): void {
  for (const { source, bytes } of images) {
    const header = imageHeaderOf(bytes);
    if (header.kind !== "readable") continue;
    const { height, width, format } = header;
    if (height * width > maxPixels)
      throw new Refusal(413, {
        error: `${source} has ${width} x ${height} pixels`,
        expected: `at most ${maxPixels} in all (--max_pixels)`,
      });
    if (format === "jpg" && hasMoreScans(bytes, mostScans))
      throw new Refusal(413, {
        error: `${source} is a JPEG of more than ${mostScans} scans`,
        expected: "a JPEG as cameras and programs write it",
      });
  }
}

const marker = { stuffed: 0x00, firstRestart: 0xd0, lastRestart: 0xd7, end: 0xd9, scan: 0xda };

/** Whether a JPEG has more scans than `most`. Source: ITU-T T.81, B.1.1 and B.2. */
function hasMoreScans(bytes: Uint8Array, most: number): boolean {
  let scans = 0;
  for (let at = bytes.indexOf(0xff, 2); at !== -1; at = bytes.indexOf(0xff, at)) {
    const code = bytes[at + 1];
    if (code === undefined || code === marker.end) return false;
    const isRestart = code >= marker.firstRestart && code <= marker.lastRestart;
    if (code === 0xff) at += 1;
    else if (code === marker.stuffed || isRestart) at += 2;
    else {
      if (code === marker.scan && ++scans > most) return true;
      // A segment says its length. What follows a scan's is its data, in which 0xff is stuffed.
      at += 2 + Math.max(2, (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0));
    }
  }
  return false;
}
