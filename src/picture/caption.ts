/** Captions below pictures: rows of a figure and words. */
import { lay, type Pixels, plainPixels } from "./pixels.js";
import { drawText, fitted, textWidth } from "./typeface.js";

/** One row: `98.2 %` and what it is of. */
export interface CaptionRow {
  readonly figure: string;
  readonly words: string;
}

const ground = [24, 27, 31] as const;
const ink = [255, 255, 255] as const;
const quiet = [176, 186, 194] as const;

/** Narrower pictures get a wider ground, so that there is room for words. */
const leastWidth = 260;

/**
 * A picture with rows of text below it, on a dark ground; of text that is too wide the beginning.
 * @param strip drawn at the end of the text, if given
 */
export function captioned(picture: Pixels, rows: readonly CaptionRow[], strip?: Pixels): Pixels {
  const width = Math.max(leastWidth, picture.width);
  const size = Math.min(40, Math.max(14, Math.round(Math.max(picture.height, width) / 36)));
  const [line, margin] = [Math.round(1.5 * size), Math.round(0.6 * size)];
  const stripHeight = strip === undefined ? 0 : strip.height + margin;
  const height = picture.height + 2 * margin + rows.length * line + stripHeight;
  const whole = plainPixels(height, width, ground);
  lay(whole, picture, [0, Math.floor((width - picture.width) / 2)]);
  const column = Math.max(0, ...rows.map(({ figure }) => textWidth(figure, size)));
  const room = width - 3 * margin - column;
  // One picture of the text alone: drawing looks at each of its pixels.
  const text = plainPixels(rows.length * line, width, ground);
  for (const [i, { figure, words }] of rows.entries()) {
    const y = i * line + size;
    drawText(text, figure, {
      ...{ x: margin + column - textWidth(figure, size), y, size },
      colour: i === 0 ? ink : quiet,
    });
    drawText(text, fitted(words, size, room), {
      ...{ x: 2 * margin + column, y, size },
      colour: i === 0 ? ink : quiet,
    });
  }
  lay(whole, text, [picture.height + margin, 0]);
  if (strip !== undefined && strip.width + 2 * margin <= width)
    lay(whole, strip, [picture.height + margin + rows.length * line, margin]);
  return whole;
}
