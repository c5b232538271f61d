/** Whether the model is right as often as its probabilities say. */
import type { ReportJudgement } from "../../src/report/report-data.js";
import { count, percent } from "../words.js";
import { make, makeSvg, part } from "./make.js";

const side = 240;
const left = 44;
const counts = 56;
const gap = 14;

/** The reliability diagram: how often answers of each probability are right, and how many there are. */
export function reliability({ calibrationError, reliability: bins }: ReportJudgement): HTMLElement {
  const most = Math.max(...bins.map((bin) => bin.count));
  const bars = bins.flatMap(({ low, high, count: images, confidence, accuracy }) => {
    if (confidence === null || accuracy === null) return [];
    const [x, width] = [left + low * side + 1, (high - low) * side - 2];
    const mean = (1 - confidence) * side;
    const told = `${percent(low, 0)} to ${percent(high, 0)}: ${count(images)} images, ${percent(accuracy)} right, mean probability ${percent(confidence)}`;
    const tall = (images / most) * counts;
    return [
      makeSvg(
        "g",
        {},
        makeSvg("title", {}, told),
        rectangle("accuracy", x, (1 - accuracy) * side, width, accuracy * side),
        makeSvg("line", { class: "mean", x1: x, x2: x + width, y1: mean, y2: mean }),
        rectangle("count", x, side + gap + counts - tall, width, tall),
      ),
    ];
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  const grid = ticks.flatMap((tick) => [
    makeSvg("line", {
      class: "grid",
      x1: left,
      x2: left + side,
      y1: (1 - tick) * side,
      y2: (1 - tick) * side,
    }),
    makeSvg(
      "text",
      { x: left - 6, y: (1 - tick) * side + 4, "text-anchor": "end" },
      percent(tick, 0),
    ),
    makeSvg(
      "text",
      { x: left + tick * side, y: side + gap + counts + 16, "text-anchor": "middle" },
      percent(tick, 0),
    ),
  ]);
  const perfect = makeSvg("line", { class: "perfect", x1: left, y1: side, x2: left + side, y2: 0 });
  const total = side + gap + counts + 22;
  const text = `Expected calibration error ${percent(calibrationError)}`;
  const drawing = makeSvg(
    "svg",
    { viewBox: `0 -8 ${left + side + 20} ${total + 10}`, role: "img", "aria-label": text },
    ...grid,
    ...bars,
    perfect,
  );
  const told = bins.filter((bin) => bin.count > 0);
  const over = told.reduce((sum, bin) => sum + bin.count * (bin.confidence! - bin.accuracy!), 0);
  const verdict = over > 0 ? "surer than it is right" : "right more often than it is sure";
  return part(
    "calibration",
    "Calibration",
    `${text}, over ${bins.length} bins: on the whole the model is ${verdict}. Of a model that is right as often as it says, bars and marks would agree.`,
    make(
      "figure",
      { class: "sheet diagram" },
      drawing,
      make(
        "figcaption",
        {},
        "Above: how often an answer of some probability is right (bars), and its mean probability (marks). " +
          "A bar that ends below its mark is of answers that are surer than right. Below: how many images.",
      ),
    ),
  );
}

function rectangle(kind: string, x: number, y: number, width: number, height: number): SVGElement {
  return makeSvg("rect", { class: kind, x, y, width, height: Math.max(0, height) });
}
