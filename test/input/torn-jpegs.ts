/** JPEGs that are damaged inside, made of sound ones, for tests. */
import { readFileSync } from "node:fs";
import { fixturePath } from "../fixture-path.js";

/** A sound one of the fixtures. */
export const soundJpeg = (name: string): Buffer => {
  return readFileSync(fixturePath("data", "images", name));
};

const endOfImage = Buffer.of(0xff, 0xd9);

/** Where a JPEG's scans begin: the places of its SOS markers. */
export function scansOf(jpeg: Buffer): number[] {
  const marker = Buffer.of(0xff, 0xda);
  const found: number[] = [];
  for (let at = jpeg.indexOf(marker); at >= 0; at = jpeg.indexOf(marker, at + 2)) found.push(at);
  return found;
}

/** What is left of a JPEG of which a share of the data was lost, with an end that looks like one. */
export function torn(jpeg: Buffer, kept: number): Buffer {
  const begin = scansOf(jpeg)[0]!;
  const to = begin + Math.round(kept * (jpeg.length - begin));
  return Buffer.concat([jpeg.subarray(0, to), endOfImage]);
}

/** A progressive JPEG with its first scans only. */
export function firstScans(jpeg: Buffer, count: number): Buffer {
  // Before a scan may lie its Huffman table.
  const table = jpeg.lastIndexOf(Buffer.of(0xff, 0xc4), scansOf(jpeg)[count]);
  const to = table > scansOf(jpeg)[count - 1]! ? table : scansOf(jpeg)[count];
  return Buffer.concat([jpeg.subarray(0, to), endOfImage]);
}

/** A JPEG with bytes before a marker that belong to nothing. */
export function withExtraneous(jpeg: Buffer, at: number, count = 5): Buffer {
  return Buffer.concat([jpeg.subarray(0, at), Buffer.alloc(count), jpeg.subarray(at)]);
}

/** A JPEG whose JFIF header has a version that no software knows. */
export function withOddRevision(jpeg: Buffer): Buffer {
  const copy = Buffer.from(jpeg);
  copy[copy.indexOf("JFIF\0") + 5] = 9;
  return copy;
}
