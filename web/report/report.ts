/** The page of a report: of one run, or of several side by side. */
import type { ReportData, ReportedRun } from "../../src/report/report-data.js";
import { element } from "../elements.js";
import { count } from "../words.js";
import { curves } from "./charts.js";
import { classTable } from "./classes.js";
import { classesCompared, differences, repeated, results } from "./comparison.js";
import { confusionMatrix } from "./confusion.js";
import { leastSure, worstMistakes } from "./images.js";
import { make, part } from "./make.js";
import { colophon, figures, heading, remarks, settings, timeSpent } from "./overview.js";
import { reliability } from "./reliability.js";

const data: ReportData = JSON.parse(element(HTMLElement, "#report").textContent ?? "");
const { runs } = data;
const [only] = runs;
const head = element(HTMLElement, "#head");
const main = element(HTMLElement, "#report-parts");
if (runs.length === 1 && only) showOne(only);
else showSeveral();
element(HTMLElement, "#foot").append(colophon(data));
document.documentElement.dataset["ready"] = "true";

function showOne(run: ReportedRun): void {
  head.append(...heading(run));
  const { judgement } = run;
  const judged = judgement && [
    worstMistakes(judgement, run),
    confusionMatrix(judgement),
    classTable(judgement),
    leastSure(judgement),
    reliability(judgement),
  ];
  append(
    figures(run),
    remarks(run),
    curvesPart(),
    ...(judged ?? []),
    timeSpent(run.times),
    settings(run),
  );
}

function showSeveral(): void {
  head.append(
    make("h1", {}, `${count(runs.length)} runs side by side`),
    make("p", {}, runs.map(({ name }) => name).join(" · ")),
  );
  append(
    results(runs),
    repeated(data.repeats ?? []),
    curvesPart(),
    classesCompared(runs),
    differences(runs),
  );
}

function curvesPart(): HTMLElement | undefined {
  const charts = curves(runs);
  if (charts.length === 0) return undefined;
  const stride = Math.max(...runs.map((run) => run.curves.stride));
  const points = only === undefined || runs.length > 1 ? "Of the longest run each" : "Each";
  const lead = stride > 1 ? `${points} point is the mean of ${stride} steps.` : undefined;
  return part("curves", "Curves", lead, make("div", { class: "charts" }, ...charts));
}

function append(...parts: readonly (HTMLElement | undefined)[]): void {
  main.append(...parts.filter((one) => one !== undefined));
}
