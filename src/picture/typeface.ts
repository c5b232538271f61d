/**
 * Text on pixels, by the outlines of DejaVu Sans: Latin, Greek, Cyrillic, Armenian, Georgian and more. Glyphs
 * stand side by side, so that scripts whose letters join, or run to the left, are told to be none of these.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import opentype, { type Font, type PathCommand } from "opentype.js";
import { packageRoot } from "../package-root.js";
import type { Colour, Pixels } from "./pixels.js";

let opened: Font | undefined;

function font(): Font {
  opened ??= opentype.parse(
    Uint8Array.from(readFileSync(join(packageRoot, "assets", "DejaVuSans.ttf"))).buffer,
  );
  return opened;
}

// opentype.js 2.0.0 joins glyphs of some scripts, but throws at every text in this font
// (findings/opentype-dejavu-sans.sh): glyphs are put side by side, and these would come out wrong.
const joined = /[\p{M}\p{Cf}\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Nko}\p{Script=Syriac}]/u;

/** Whether a text can be drawn as it is written. */
export function canDraw(text: string): boolean {
  const letters = text.normalize();
  return !joined.test(letters) && [...letters].every((one) => font().charToGlyphIndex(one) !== 0);
}

/** The glyphs of a text. */
function glyphsOf(text: string) {
  return [...text.normalize()].map((character) => font().charToGlyph(character));
}

/** How wide a text is, in pixels. */
export function textWidth(text: string, size: number): number {
  const units = glyphsOf(text).reduce((sum, { advanceWidth }) => sum + advanceWidth, 0);
  return (units * size) / font().unitsPerEm;
}

/** A text as it is, or its beginning and three dots where it is wider than there is room. */
export function fitted(text: string, size: number, room: number): string {
  if (textWidth(text, size) <= room) return text;
  const characters = [...text];
  while (characters.length > 0 && textWidth(`${characters.join("")}...`, size) > room)
    characters.pop();
  return `${characters.join("").trimEnd()}...`;
}

/**
 * Draws a text whose baseline begins at a point; what lies outside of the picture is left out.
 * @param size of the typeface, in pixels
 */
export function drawText(
  { height, width, levels }: Pixels,
  text: string,
  { x, y, size, colour }: { x: number; y: number; size: number; colour: Colour },
): void {
  let place = x;
  const commands = glyphsOf(text).flatMap((glyph) => {
    const outline = glyph.getPath(place, y, size).commands;
    place += (glyph.advanceWidth * size) / font().unitsPerEm;
    return outline;
  });
  const cover = coverOf(commands, height, width);
  for (let i = 0; i < cover.length; i++) {
    const share = cover[i]!;
    if (share === 0) continue;
    for (let c = 0; c < 3; c++) {
      const at = 3 * i + c;
      levels[at] = Math.round(levels[at]! + (colour[c]! - levels[at]!) * share);
    }
  }
}

// Lines in place of a curve: of letters of 40 pixels they are less than a tenth of a pixel off.
const parts = 8;

/**
 * How much of each pixel a filled outline covers, `[height, width]` in [0, 1]: each edge adds the area to its
 * right with the sign of its direction, and sums along a row make the rest.
 */
function coverOf(commands: readonly PathCommand[], height: number, width: number): Float32Array {
  // A column more takes what is to the right of the picture.
  const stride = width + 2;
  const areas = new Float32Array(height * stride);
  let [fromX, fromY, startX, startY] = [0, 0, 0, 0];
  const to = (x: number, y: number) => {
    addEdge(areas, [height, width, stride], [fromX, fromY, x, y]);
    [fromX, fromY] = [x, y];
  };
  for (const command of commands) {
    if (command.type === "M") {
      [fromX, fromY] = [command.x, command.y];
      [startX, startY] = [fromX, fromY];
    } else if (command.type === "Z") to(startX, startY);
    else if (command.type === "L") to(command.x, command.y);
    else for (const [x, y] of curve([fromX, fromY], command)) to(x, y);
  }
  const cover = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += areas[y * stride + x]!;
      cover[y * width + x] = Math.min(1, Math.abs(sum));
    }
  }
  return cover;
}

/** Points of a Bezier curve of two or three degrees, but for its first. */
function curve(
  [x0, y0]: readonly [number, number],
  command: Extract<PathCommand, { type: "Q" | "C" }>,
): [x: number, y: number][] {
  return Array.from({ length: parts }, (_, i) => {
    const t = (i + 1) / parts;
    const s = 1 - t;
    const { x1, y1, x, y } = command;
    if (command.type === "Q") {
      const point = (a: number, b: number, c: number) => s * s * a + 2 * s * t * b + t * t * c;
      return [point(x0, x1, x), point(y0, y1, y)];
    }
    const point = (a: number, b: number, c: number, d: number) => {
      return s ** 3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t ** 3 * d;
    };
    return [point(x0, x1, command.x2, x), point(y0, y1, command.y2, y)];
  });
}

/** Adds what one edge of an outline covers, row by row and pixel by pixel. */
function addEdge(
  areas: Float32Array,
  [height, width, stride]: readonly [number, number, number],
  [x0, y0, x1, y1]: readonly [number, number, number, number],
): void {
  if (y0 === y1) return;
  const direction = y0 < y1 ? 1 : -1;
  const [topX, topY, bottomX, bottomY] = y0 < y1 ? [x0, y0, x1, y1] : [x1, y1, x0, y0];
  const slope = (bottomX - topX) / (bottomY - topY);
  const inside = (x: number) => Math.min(width, Math.max(0, x));
  for (let y = Math.max(0, Math.floor(topY)); y < Math.min(height, bottomY); y++) {
    const [from, until] = [Math.max(y, topY), Math.min(y + 1, bottomY)];
    if (until <= from) continue;
    const a = inside(topX + (from - topY) * slope);
    const b = inside(topX + (until - topY) * slope);
    const [left, right] = [Math.min(a, b), Math.max(a, b)];
    const whole = direction * (until - from);
    const last = Math.max(Math.floor(left), Math.ceil(right) - 1);
    for (let x = Math.floor(left); x <= last; x++) {
      const share =
        right === left ? 1 : (Math.min(right, x + 1) - Math.max(left, x)) / (right - left);
      const middle = (Math.min(right, x + 1) + Math.max(left, x)) / 2;
      const own = whole * share * (x + 1 - middle);
      areas[y * stride + x]! += own;
      areas[y * stride + x + 1]! += whole * share - own;
    }
  }
}
