/** Curves over steps, drawn by uPlot in the page's own colours, light or dark. */
import uPlot from "uplot";
import type { ReportCurves, ReportedRun } from "../../src/report/report-data.js";
import { number, percent } from "../words.js";
import { make } from "./make.js";

type Values = readonly (number | null)[];

interface Line {
  readonly name: string;
  readonly steps: readonly number[];
  readonly values: Values;
  /** A colour of the page, such as `--accent`. */
  readonly colour: string;
  readonly width?: number;
  /** Drawn as points, with a thin line between them. */
  readonly points?: boolean;
}

interface Chart {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly text: (value: number) => string;
  /** What the axis begins with and ends at; default: what the values need. */
  readonly least?: number;
  readonly most?: number;
}

/** The colours of several runs. */
export const runColours = Array.from({ length: 8 }, (_, i) => `--run-${i + 1}`);

/** The curves of one run, or of several laid over each other. */
export function curves(runs: readonly ReportedRun[]): HTMLElement[] {
  const [only] = runs;
  const made = runs.length === 1 && only ? chartsOfOne(only) : chartsOfSeveral(runs);
  return made
    .map((chart) => ({ ...chart, lines: chart.lines.filter(isWorthALine) }))
    .filter(({ lines }) => lines.length > 0)
    .map(figure);
}

function isWorthALine({ values }: Line): boolean {
  return values.some((value) => value !== null);
}

function chartsOfOne({ curves: one, classes = 0 }: ReportedRun): Chart[] {
  const { steps, loss, smoothed, lr, imagesPerSecond, validations } = one;
  const evaluated = validations.map((one) => one.steps);
  const accent = "--accent";
  const accuracy = (key: "top1" | "top5", name: string, colour: string) => {
    return {
      name,
      steps: evaluated,
      values: validations.map((one) => one[key]),
      colour,
      points: true,
    };
  };
  const charts: Chart[] = [
    {
      title: "Loss",
      lines: [
        { name: "a step's", steps, values: loss, colour: "--faint", width: 1 },
        { name: "smoothed", steps, values: smoothed, colour: accent, width: 2 },
        {
          ...{ name: "held-out images", steps: evaluated, points: true, colour: "--second" },
          values: validations.map((one) => one.loss),
        },
      ],
      text: number,
      least: 0,
    },
    {
      title: "Accuracy on held-out images",
      lines: [
        accuracy("top1", "top-1", accent),
        // Of so few classes the first five are all.
        ...(classes > 5 || classes === 0 ? [accuracy("top5", "top-5", "--second")] : []),
      ],
      text: percent,
      most: 1,
    },
    {
      title: "Learning rate",
      lines: [{ name: "rate", steps, values: lr, colour: accent, width: 2 }],
      text: number,
      least: 0,
    },
    {
      title: "Images a second",
      lines: [{ name: "images/s", steps, values: imagesPerSecond, colour: accent, width: 1.5 }],
      text: number,
      least: 0,
    },
  ];
  // One evaluation is no curve; its figures stand above.
  return validations.length > 1 ? charts : charts.filter((_, i) => i !== 1);
}

function chartsOfSeveral(runs: readonly ReportedRun[]): Chart[] {
  const over = (
    title: string,
    of: (curves: ReportCurves) => Pick<Line, "steps" | "values">,
    rest: Omit<Chart, "title" | "lines">,
    points = false,
  ): Chart => ({
    title,
    ...rest,
    lines: runs.map(({ name, curves: one }, i) => {
      const colour = runColours[i % runColours.length]!;
      return { name, colour, points, width: 1.75, ...of(one) };
    }),
  });
  const evaluated = (key: "top1" | "loss") => (one: ReportCurves) => ({
    steps: one.validations.map(({ steps }) => steps),
    values: one.validations.map((each) => each[key]),
  });
  return [
    over("Loss, smoothed", (one) => ({ steps: one.steps, values: one.smoothed }), {
      text: number,
      least: 0,
    }),
    over("Top-1 on held-out images", evaluated("top1"), { text: percent, most: 1 }, true),
    over("Loss on held-out images", evaluated("loss"), { text: number, least: 0 }, true),
    over("Learning rate", (one) => ({ steps: one.steps, values: one.lr }), {
      text: number,
      least: 0,
    }),
    over("Images a second", (one) => ({ steps: one.steps, values: one.imagesPerSecond }), {
      text: number,
      least: 0,
    }),
  ];
}

const height = 190;

function figure(chart: Chart): HTMLElement {
  const place = make("div", { class: "plot", role: "img", "aria-label": summary(chart) });
  const made = make("figure", { class: "sheet chart" }, make("figcaption", {}, chart.title), place);
  let plot: uPlot | undefined;
  const draw = () => {
    plot?.destroy();
    const width = place.clientWidth;
    if (width > 0) plot = new uPlot(optionsOf(chart, width), dataOf(chart), place);
  };
  new ResizeObserver(() => {
    const width = place.clientWidth;
    if (plot === undefined) draw();
    else if (width > 0 && width !== plot.width) plot.setSize({ width, height });
  }).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return made;
}

/** What the lines come to, for those who do not see them. */
function summary({ title, lines, text }: Chart): string {
  const ends = lines.map(({ name, values }) => {
    const known = values.filter((value) => value !== null);
    return `${name} from ${text(known[0]!)} to ${text(known.at(-1)!)}`;
  });
  return `${title}: ${ends.join("; ")}`;
}

function dataOf({ lines }: Chart): uPlot.AlignedData {
  return uPlot.join(lines.map(({ steps, values }) => [[...steps], [...values]]));
}

function optionsOf(chart: Chart, width: number): uPlot.Options {
  const { lines, text, least, most } = chart;
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--quiet"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
  return {
    width,
    height,
    cursor: { y: false, drag: { x: true, y: false }, points: { size: 6 } },
    legend: { show: true, live: true },
    scales: {
      x: { time: false },
      y: {
        range: (_, low, high) => {
          const room = (high - low || Math.abs(high) || 1) * 0.06;
          const floor = least ?? Math.max(0, low - room);
          return [
            Math.min(floor, low),
            Math.max(floor, Math.min(most ?? Number.POSITIVE_INFINITY, high + room)),
          ];
        },
      },
    },
    axes: [
      {
        ...axis,
        size: 28,
        space: 60,
        values: (_, ticks) => ticks.map((tick) => tick.toLocaleString("en")),
      },
      {
        ...axis,
        size: 56,
        space: 34,
        values: (_, ticks) => ticks.map((tick) => axisText(text, tick)),
      },
    ],
    series: [
      { label: "step", value: (_, value) => (value === null ? "" : value.toLocaleString("en")) },
      ...lines.map(
        ({ name, colour: own, width: thick = 1.5, points = false, values }): uPlot.Series => {
          const stroke = colour(own);
          return {
            label: name,
            stroke,
            width: thick,
            spanGaps: true,
            points: { show: points || values.length === 1, size: 6, fill: stroke, stroke },
            value: (_, value) => (value === null || value === undefined ? "" : text(value)),
          };
        },
      ),
    ],
  };
}

/** An axis has round numbers: `95 %`, not `95.0 %`. */
function axisText(text: (value: number) => string, tick: number): string {
  return text(tick).replace(/\.0 %$/, " %");
}
