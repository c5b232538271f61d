/** Folders of pictures that a prediction makes: annotated copies, and what speaks for a class. */
import { readFile } from "node:fs/promises";
import { readImageHeader } from "../data/files/image-header.js";
import { faultOf, uprightSize } from "../data/files/readable-images.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import { ImageEncoder, levelsOf } from "../input/image-encoder.js";
import { UprightProgram } from "../input/upright-program.js";
import { type CaptionRow, captioned } from "../picture/caption.js";
import { enlarged, heatColour, heated } from "../picture/heat-map.js";
import { lay, magnified, type Pixels, plainPixels } from "../picture/pixels.js";
import { canDraw } from "../picture/typeface.js";
import type { Explanation } from "./image-logits.js";
import type { RowFolder } from "./prediction-files.js";
import { topProbabilities } from "./probabilities.js";

/** What classes are called on pictures. */
export interface DrawnClasses {
  readonly nameOf: (label: number) => string;
  /** What people are to be told of it. */
  readonly note: string | undefined;
}

/** The names as they are, but numbers for those that the typeface lacks letters of. */
export function drawnClasses(classNames: readonly string[] | undefined): DrawnClasses {
  const lacking = (classNames ?? []).filter((name) => !canDraw(name));
  const drawn = classNames?.map((name, label) => (canDraw(name) ? name : `class ${label}`));
  const few = lacking.slice(0, 3).join(", ");
  return {
    nameOf: (label) => drawn?.[label] ?? `class ${label}`,
    note:
      lacking.length === 0
        ? undefined
        : `on pictures ${lacking.length} of the classes are numbers, since the typeface has not all of their ` +
          `letters (${few}${lacking.length > 3 ? ", ..." : ""}); the rows have their names`,
  };
}

const encoding = { format: "jpeg", quality: 92 } as const;
/** Larger images are made smaller. */
const mostSide = 1600;
/** Smaller ones are magnified, a pixel to a square. */
const leastSide = 224;

/** Copies of the images, upright, with their most probable classes below. */
export function annotateFolder(
  path: string,
  engine: Engine,
  { nameOf, top }: Pick<DrawnClasses, "nameOf"> & { readonly top: number },
): RowFolder {
  const encoder = new ImageEncoder(engine, undefined, encoding);
  const program = new UprightProgram(engine);
  return {
    ...{ path, flag: "--annotate" },
    pictureOf: async (row) => {
      if (row.outcome.fault !== undefined) return undefined;
      const { logits, explanation } = row.outcome;
      const image =
        row.index === undefined ? await originalOf(program, row.source) : seenPixels(explanation!);
      const rows = topProbabilities(logits, top).map(({ class: label, probability }) => {
        return captionRow(probability, nameOf(label));
      });
      return await encoded(encoder, captioned(large(image), rows));
    },
    close: () => {
      encoder.close();
      program.close();
    },
  };
}

/** The images as the network sees them, and beside each what speaks for a class. */
export function explainFolder(
  path: string,
  engine: Engine,
  { nameOf, label: chosen }: Pick<DrawnClasses, "nameOf"> & { readonly label: number | undefined },
): RowFolder {
  const encoder = new ImageEncoder(engine, undefined, encoding);
  return {
    ...{ path, flag: "--explain" },
    pictureOf: async ({ outcome }) => {
      if (outcome.fault !== undefined) return undefined;
      const { logits, explanation } = outcome;
      const all = topProbabilities(logits, logits.length);
      const found = chosen === undefined ? all[0] : all.find((one) => one.class === chosen);
      const { class: label, probability } = found!;
      const picture = explained(explanation!);
      const words = picture.isCold ? `${nameOf(label)}: nothing speaks for it` : nameOf(label);
      const rows = [captionRow(probability, words)];
      return await encoded(encoder, captioned(picture.pixels, rows, legend));
    },
    close: () => encoder.close(),
  };
}

function captionRow(probability: number, words: string): CaptionRow {
  return { figure: `${(100 * probability).toFixed(1)} %`, words };
}

async function encoded(encoder: ImageEncoder, pixels: Pixels): Promise<Uint8Array> {
  return encoder.encode(pixels.levels, [pixels.height, pixels.width]);
}

/** The image and its map, side by side. */
function explained(explanation: Explanation): { pixels: Pixels; isCold: boolean } {
  const image = large(seenPixels(explanation));
  const { height, width } = image;
  const { map, rows, columns } = explanation;
  const largest = map.reduce((most, value) => Math.max(most, value), 0);
  const shares = map.map((value) => (largest > 0 ? value / largest : 0));
  const hot = { ...image, levels: image.levels.slice() };
  heated(hot.levels, enlarged(shares, [rows, columns], [height, width]));
  const gap = 4;
  const pixels = plainPixels(height, 2 * width + gap, [24, 27, 31]);
  lay(pixels, image, [0, 0]);
  lay(pixels, hot, [0, width + gap]);
  return { pixels, isCold: largest === 0 };
}

/** The colours from little to much. */
const legend: Pixels = (() => {
  const strip = plainPixels(8, 160, [0, 0, 0]);
  for (let x = 0; x < strip.width; x++)
    for (let y = 0; y < strip.height; y++)
      strip.levels.set(
        heatColour(x / (strip.width - 1)).map(Math.round),
        3 * (y * strip.width + x),
      );
  return strip;
})();

function seenPixels({ image, height, width }: Explanation): Pixels {
  // Resizing filters of other programs overshoot a little.
  const values = image.map((value) => Math.min(1, Math.max(-1, value)));
  return { height, width, levels: levelsOf({ type: "float32", data: values }) };
}

function large(pixels: Pixels): Pixels {
  const side = Math.max(pixels.height, pixels.width);
  return magnified(pixels, Math.max(1, Math.ceil(leastSide / side)));
}

async function originalOf(program: UprightProgram, path: string): Promise<Pixels> {
  const header = await readImageHeader(path);
  if (header.kind !== "readable") throw changed(path, faultOf(header)!);
  const [height, width] = uprightSize(header);
  const shrunk = Math.min(1, mostSide / Math.max(height, width));
  const size = [height, width].map((side) => Math.max(1, Math.round(side * shrunk)));
  const [high, wide] = [size[0]!, size[1]!];
  const { decoder, orientation } = header;
  const levels = await program.make({ bytes: await readFile(path), decoder, orientation }, [
    high,
    wide,
  ]);
  return { height: high, width: wide, levels };
}

/** It was read a moment ago. */
function changed(path: string, fault: string): UserError {
  return new UserError(path, `is no image any more (${fault})`, "the image as it was", "try again");
}
