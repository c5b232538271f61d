/** What a report begins and ends with: what was run, what it came to, where its time went, its settings. */
import type {
  ReportData,
  ReportedRun,
  ReportJudgement,
  TimePart,
} from "../../src/report/report-data.js";
import { count, counted, duration, number, percent } from "../words.js";
import { make, part } from "./make.js";

/** The name of a run, and what it was. */
export function heading(run: ReportedRun): readonly HTMLElement[] {
  const { name, model, dataset, note, classes, trainSize, valSize } = run;
  const what = [model, dataset && `on ${shortPath(dataset)}`].filter(Boolean).join(" ");
  const sizes = [
    classes && counted(classes, "class"),
    trainSize && counted(trainSize, "training image"),
    valSize && counted(valSize, "held-out image"),
  ];
  const facts = [what, ...sizes].filter((fact) => fact !== undefined && fact !== "");
  return [
    make("h1", {}, name),
    make("p", { title: dataset }, facts.join(" · ")),
    ...(note ? [make("p", {}, note)] : []),
  ];
}

/** The folder's own name, of a path. */
export function shortPath(path: string): string {
  return path.replace(/\/+$/, "").replace(/^.*\//, "");
}

/** The figures that people ask for first. */
export function figures(run: ReportedRun): HTMLElement {
  const { final, best, judgement, steps, totalSteps, seconds } = run;
  const tile = (title: string, value: string | undefined, below?: string) =>
    value === undefined
      ? undefined
      : make(
          "div",
          { class: "sheet tile" },
          make("dt", {}, title),
          make("dd", { class: "value" }, value),
          below === undefined ? undefined : make("dd", { class: "below" }, below),
        );
  const within = judgement && `95 %: ${intervalText(judgement.interval)}`;
  const bestStep =
    best && final && best.top1 > final.top1
      ? `best ${percent(best.top1, 2)} after ${count(best.step)}`
      : undefined;
  const whole = totalSteps === undefined || totalSteps === steps;
  return make(
    "dl",
    { class: "tiles" },
    tile("Top-1", final && percent(final.top1, 2), within ?? bestStep),
    tile("Top-5", final && (run.classes ?? 6) > 5 ? percent(final.top5, 2) : undefined),
    tile("Loss", final && number(final.loss), "on held-out images"),
    tile("Mean F1", judgement && percent(judgement.macro.f1), "over the classes"),
    tile("Calibration error", judgement && percent(judgement.calibrationError)),
    tile("Steps", count(steps), whole ? undefined : `of ${count(totalSteps)}`),
    tile("Time", seconds === undefined ? undefined : duration(seconds)),
  );
}

/** `72.0–79.6 %` */
function intervalText({ low, high }: ReportJudgement["interval"]): string {
  return `${(100 * low).toFixed(1)}–${percent(high)}`;
}

/** What the report lacks. */
export function remarks({ remarks: said }: ReportedRun): HTMLElement | undefined {
  if (said.length === 0) return undefined;
  return make("ul", { class: "remarks" }, ...said.map((text) => make("li", {}, text)));
}

const parts: Readonly<Record<string, string>> = {
  load: "Getting ready",
  step: "Training steps",
  eval: "Evaluations",
  save: "Saving",
  close: "Ending",
};

/** Where the time of a run went. */
export function timeSpent(times: readonly TimePart[]): HTMLElement | undefined {
  const total = times.reduce((sum, { seconds }) => sum + seconds, 0);
  if (total === 0) return undefined;
  const stacked = make("div", { class: "stacked", "aria-hidden": "true" });
  const rows = times.map(({ part: name, seconds }, i) => {
    const piece = make("span", { class: `piece-${i + 1}` });
    piece.style.flexGrow = String(seconds / total);
    stacked.append(piece);
    return make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        make("span", { class: `dot piece-${i + 1}` }),
        parts[name] ?? name,
      ),
      make("td", { class: "number" }, duration(seconds)),
      make("td", { class: "number" }, percent(seconds / total, 0)),
    );
  });
  return part(
    "time",
    "Where the time went",
    undefined,
    make("div", { class: "sheet" }, stacked, make("table", {}, make("tbody", {}, ...rows))),
  );
}

/** All settings. */
export function settings({ settings: all, path }: ReportedRun): HTMLElement {
  const rows = Object.entries({ ...all, folder: path }).flatMap(([name, value]) => [
    make("dt", {}, name),
    make("dd", {}, value),
  ]);
  return part("settings", "Settings", undefined, make("dl", { class: "sheet" }, ...rows));
}

/** By what and when the report was made. */
export function colophon({ bitTrain, made }: ReportData): HTMLElement {
  const when = new Date(made).toLocaleString("en", { dateStyle: "long", timeStyle: "short" });
  return make(
    "p",
    {},
    `Made by bit-train ${bitTrain} on `,
    make("time", { datetime: made }, when),
    ". The report is this file alone; it asks no network for anything.",
  );
}
