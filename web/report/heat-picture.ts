/** Where on an image the model sees a class: the image in grey, and colours over it. */
import { enlarged, heatColour, heated } from "../../src/picture/heat-map.js";
import type { HeatMap, Picture } from "../../src/report/report-data.js";
import { bytesOfBase64 } from "../base64.js";
import { make } from "./make.js";

/** Pixels of a side: the colours pass softly from place to place, also where the picture is tiny. */
const side = 144;

/** Whether nothing on the image speaks for the class. */
export function isCold({ levels }: HeatMap): boolean {
  return bytesOfBase64(levels).every((level) => level === 0);
}

/** A picture with a map over it, as an image of its own; drawn once the picture is there. */
export function heatPicture({ url }: Picture, map: HeatMap, what: string): HTMLCanvasElement {
  const canvas = make("canvas", { width: side, height: side, role: "img", "aria-label": what });
  const source = new Image();
  source.addEventListener("load", () => {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (context === null) return;
    context.imageSmoothingEnabled = source.naturalWidth > side / 2;
    context.drawImage(source, 0, 0, side, side);
    const pixels = context.getImageData(0, 0, side, side);
    const shares = Float32Array.from(bytesOfBase64(map.levels), (level) => level / 255);
    heated(pixels.data, enlarged(shares, [map.rows, map.columns], [side, side]), 4);
    context.putImageData(pixels, 0, 0);
  });
  source.src = url;
  return canvas;
}

/** What the colours of maps of one network mean. */
export function heatLegend({ rows, columns }: Pick<HeatMap, "rows" | "columns">): HTMLElement {
  const [width, height] = [96, 10];
  const canvas = make("canvas", { width, height, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (context !== null)
    for (let x = 0; x < width; x++) {
      context.fillStyle = `rgb(${heatColour(x / (width - 1)).map(Math.round)})`;
      context.fillRect(x, 0, 1, height);
    }
  return make(
    "p",
    { class: "quiet small heat-legend" },
    "Grad-CAM: what speaks for a class, from grey (nothing) over ",
    canvas,
    ` (most), in ${rows} x ${columns} places: nothing finer is told. An image's maps have one scale.`,
  );
}
