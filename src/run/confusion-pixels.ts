/**
 * A confusion matrix drawn in pixels, with no letters but digits: a row for each true class, a column for
 * each predicted one, in the order of the classes. The colours are those of the report's matrix.
 */

/** More classes than this are drawn in groups of neighbours. */
const mostCells = 1000;
const matrixSide = 640;
const largestCell = 64;
/** Pixels of a cell from which on lines part the cells, and from which on cells have numbers. */
const [partedCell, numberedCell] = [8, 28];
const tick = 4;

type Colour = readonly [red: number, green: number, blue: number];

const paper: Colour = [255, 255, 255];
const ink: Colour = [32, 32, 32];
const ground: Colour = [240, 240, 240];
const noImages: Colour = [200, 200, 200];
const right: Colour = [31, 111, 92];
const wrong: Colour = [163, 38, 27];

/** Of each digit five rows from the top, of three bits each. */
const digits = [
  [7, 5, 5, 5, 7],
  [2, 6, 2, 2, 7],
  [7, 1, 7, 4, 7],
  [7, 1, 7, 1, 7],
  [5, 5, 7, 1, 1],
  [7, 4, 7, 1, 7],
  [7, 4, 7, 5, 7],
  [7, 1, 1, 1, 1],
  [7, 5, 7, 5, 7],
  [7, 5, 7, 1, 7],
];
/** Pixels for each bit of a digit, and from one digit to the next. */
const [dot, advance] = [2, 8];
const digitHeight = 5 * dot;

/** Counts that grow image by image, of neighbouring classes together where there are many. */
export class ConfusionCounts {
  /** Classes of a row, and of a column. */
  readonly together: number;
  /** Rows, and columns. */
  readonly side: number;
  /** `[side,side]`: images by their class and by what they were taken for. */
  readonly counts: Uint32Array;

  constructor(classes: number) {
    this.together = Math.ceil(classes / mostCells);
    this.side = Math.ceil(classes / this.together);
    this.counts = new Uint32Array(this.side ** 2);
  }

  add(truth: number, predicted: number): void {
    const [row, column] = [truth, predicted].map((label) => Math.floor(label / this.together));
    this.counts[row! * this.side + column!]!++;
  }
}

/** A picture of 8-bit RGB. */
export interface PixelPicture {
  readonly width: number;
  readonly height: number;
  /** uint8 `[height,width,3]` */
  readonly pixels: Uint8Array;
}

/**
 * Each cell has the share of its row's images: green on the diagonal, red elsewhere, the paler the smaller; by
 * the square root in the red, where a few of many are to be seen, too. Rows without images are grey. Where there is
 * room, whole per cent stand in the cells; at the edges are the numbers of the classes from 0, of groups the first one's.
 */
export function confusionPixels({ counts, side, together }: ConfusionCounts): PixelPicture {
  const cell = Math.min(largestCell, Math.max(1, Math.floor(matrixSide / side)));
  const longest = String((side - 1) * together).length * advance;
  const every = [1, 10, 100].find((rows) => rows * cell >= longest + 4) ?? 1000;
  const [left, top] = [longest + 2 * tick, digitHeight + 2 * tick];
  const canvas = new Canvas(left + side * cell + tick, top + side * cell + tick);
  const filled = cell >= partedCell ? cell - 1 : cell;
  for (let row = 0; row < side; row++) {
    const images = counts.subarray(row * side, (row + 1) * side);
    const total = images.reduce((sum, count) => sum + count, 0);
    for (let column = 0; column < side; column++) {
      const share = total === 0 ? 0 : images[column]! / total;
      const [x, y] = [left + column * cell, top + row * cell];
      const hue = row === column ? right : wrong;
      const strength = row === column ? share : 0.12 + 0.88 * Math.sqrt(share);
      const empty = total === 0 ? noImages : ground;
      canvas.fill([x, y, filled, filled], share === 0 ? empty : mixed(ground, hue, strength));
      if (share === 0 || cell < numberedCell) continue;
      const text = String(Math.round(100 * share));
      const at = [x + (cell - widthOf(text)) / 2, y + (cell - digitHeight) / 2] as const;
      canvas.write(text, at, strength > 0.55 ? paper : ink);
    }
    if (row % every !== 0) continue;
    const text = String(row * together);
    const middle = Math.floor(cell / 2);
    const along = row * cell + middle;
    canvas.fill([left - tick, top + along, tick - 1, 1], ink);
    canvas.fill([left + along, top - tick, 1, tick - 1], ink);
    // Pictures have no room above their first row or left of their first column.
    canvas.write(text, [left - 2 * tick - widthOf(text) + 2, top + along - digitHeight / 2], ink);
    canvas.write(text, [left + along - widthOf(text) / 2, 0], ink);
  }
  return canvas;
}

function mixed(from: Colour, to: Colour, share: number): Colour {
  const [red, green, blue] = from.map((level, i) => {
    return Math.round(level + share * (to[i]! - level));
  });
  return [red!, green!, blue!];
}

function widthOf(text: string): number {
  return text.length * advance - dot;
}

class Canvas implements PixelPicture {
  readonly pixels: Uint8Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.pixels = new Uint8Array(3 * width * height).fill(paper[0]);
  }

  /** A rectangle; what is outside of the picture is left out. */
  fill([x, y, width, height]: readonly [number, number, number, number], colour: Colour): void {
    for (let row = Math.max(0, y); row < Math.min(this.height, y + height); row++)
      for (let column = Math.max(0, x); column < Math.min(this.width, x + width); column++)
        this.pixels.set(colour, 3 * (row * this.width + column));
  }

  /** Digits, from their upper left corner on. */
  write(text: string, [left, top]: readonly [number, number], colour: Colour): void {
    for (const [place, digit] of [...text].entries())
      for (const [row, bits] of digits[Number(digit)]!.entries())
        for (let column = 0; column < 3; column++) {
          if (((bits >> (2 - column)) & 1) === 0) continue;
          const x = Math.floor(left) + place * advance + column * dot;
          this.fill([x, Math.floor(top) + row * dot, dot, dot], colour);
        }
  }
}
