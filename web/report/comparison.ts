/** Several runs side by side: what they came to, and in what they differ. */
import type { RepeatedRuns, ReportedRun } from "../../src/report/report-data.js";
import { count, duration, number, percent } from "../words.js";
import { runColours } from "./charts.js";
import { make, part } from "./make.js";
import { shortPath } from "./overview.js";
import { sortableTable } from "./sortable-table.js";

/** A run's name with its colour in the curves. */
function named({ name, path }: ReportedRun, place: number): HTMLElement {
  const dot = make("span", { class: "dot" });
  dot.style.background = `var(${runColours[place % runColours.length]})`;
  return make("span", { title: path }, dot, name);
}

/** What each run came to. */
export function results(runs: readonly ReportedRun[]): HTMLElement {
  const rows = runs.map((run, place) => ({ run, place }));
  type Row = (typeof rows)[number];
  const figure = (
    title: string,
    of: (run: ReportedRun) => number | undefined,
    text: (value: number) => string,
  ) => ({
    title,
    numeric: true,
    key: ({ run }: Row) => of(run),
    show: ({ run }: Row) => {
      const value = of(run);
      return value === undefined ? "–" : text(value);
    },
  });
  const columns = [
    {
      title: "Run",
      key: ({ run }: Row) => run.name,
      show: ({ run, place }: Row) => named(run, place),
    },
    { title: "Model", key: ({ run }: Row) => run.model },
    { title: "Dataset", key: ({ run }: Row) => run.dataset && shortPath(run.dataset) },
    figure(
      "Top-1",
      ({ final }) => final?.top1,
      (value) => percent(value, 2),
    ),
    figure(
      "Top-5",
      ({ final }) => final?.top5,
      (value) => percent(value, 2),
    ),
    figure("Loss", ({ final }) => final?.loss, number),
    figure("Mean F1", ({ judgement }) => judgement?.macro.f1, percent),
    figure("Calibration error", ({ judgement }) => judgement?.calibrationError, percent),
    figure("Steps", ({ steps }) => steps, count),
    figure("Time", ({ seconds }) => seconds, duration),
  ].filter(({ key }) => rows.some((row) => key(row) !== undefined));
  return part(
    "results",
    "Results",
    "On the held-out images, after the last step.",
    sortableTable<Row>({ caption: "What the runs came to", columns, rows }),
  );
}

/** Mean and standard deviation of runs that differ in their seeds alone; undefined where there are none. */
export function repeated(groups: readonly RepeatedRuns[]): HTMLElement | undefined {
  if (groups.length === 0) return undefined;
  const column = (
    title: string,
    of: (group: RepeatedRuns) => RepeatedRuns["top1"],
    text: (value: number) => string,
  ) => ({
    title,
    numeric: true,
    key: (group: RepeatedRuns) => of(group)?.mean,
    show: (group: RepeatedRuns) => {
      const over = of(group);
      if (over === undefined) return "–";
      const { mean, deviation } = over;
      return deviation === null ? text(mean) : `${text(mean)} ± ${text(deviation)}`;
    },
  });
  const share = (value: number) => percent(value, 2);
  const columns = [
    { title: "Runs", key: ({ name }: RepeatedRuns) => name },
    {
      title: "Number",
      numeric: true,
      key: ({ runs }: RepeatedRuns) => runs.length,
      show: ({ runs }: RepeatedRuns) =>
        make("span", { title: runs.join(", ") }, count(runs.length)),
    },
    column("Top-1", ({ top1 }) => top1, share),
    column("Top-5", ({ top5 }) => top5, share),
    column("Loss", ({ loss }) => loss, number),
    column("Mean F1", ({ macroF1 }) => macroF1, share),
    column("Calibration error", ({ calibrationError }) => calibrationError, share),
  ].filter(({ key }) => groups.some((group) => key(group) !== undefined));
  return part(
    "seeds",
    "Over seeds",
    "Runs that differ in their seeds alone: mean ± standard deviation.",
    sortableTable<RepeatedRuns>({
      caption: "Mean and deviation over seeds",
      columns,
      rows: groups,
    }),
  );
}

/** The settings in which runs differ, and the rest. */
export function differences(runs: readonly ReportedRun[]): HTMLElement {
  const names = [...new Set(runs.flatMap((run) => Object.keys(run.settings)))];
  const rows = names.map((name) => ({ name, values: runs.map((run) => run.settings[name]) }));
  const isSame = ({ values }: (typeof rows)[number]) => new Set(values).size === 1;
  const table = (some: typeof rows, caption: string) =>
    sortableTable({
      caption,
      columns: [
        { title: "Setting", key: ({ name }) => name },
        ...runs.map((run, i) => ({
          title: run.name,
          key: ({ values }: (typeof rows)[number]) => values[i],
          numeric: false,
        })),
      ],
      rows: some,
    });
  const different = rows.filter((row) => !isSame(row));
  const same = rows.filter(isSame);
  const list = same.flatMap(({ name, values }) => [
    make("dt", {}, name),
    make("dd", {}, values[0]),
  ]);
  return part(
    "settings",
    "Settings that differ",
    different.length === 0 ? "None that are known." : undefined,
    different.length === 0 ? undefined : table(different, "Settings that differ"),
    same.length === 0
      ? undefined
      : make("details", {}, make("summary", {}, "The same in all"), make("dl", {}, ...list)),
  );
}

/** F1 of each class in each run, where they have the same classes. */
export function classesCompared(runs: readonly ReportedRun[]): HTMLElement | undefined {
  const judged = runs.flatMap((run) =>
    run.judgement ? [{ name: run.name, ...run.judgement }] : [],
  );
  const [first] = judged;
  const classes = first?.classNames.join("\n");
  if (first === undefined || judged.length < 2) return undefined;
  if (judged.some(({ classNames }) => classNames.join("\n") !== classes)) return undefined;
  const rows = first.classNames.map((name, i) => {
    const values = judged.map(({ perClass }) => perClass[i]?.f1 ?? null);
    const known = values.filter((value) => value !== null);
    const apart = known.length < 2 ? null : Math.max(...known) - Math.min(...known);
    return { name, values, apart };
  });
  type Row = (typeof rows)[number];
  return part(
    "classes",
    "F1 of the classes",
    "Those first in which the runs are furthest apart.",
    sortableTable<Row>({
      caption: "F1 of each class in each run",
      columns: [
        { title: "Class", key: ({ name }) => name },
        ...judged.map(({ name }, i) => ({
          title: name,
          key: ({ values }: Row) => values[i],
          show: ({ values }: Row) => percent(values[i]),
          numeric: true,
        })),
        {
          title: "Apart",
          key: ({ apart }) => apart,
          show: ({ apart }) => percent(apart),
          numeric: true,
        },
      ],
      rows,
      sorted: { column: judged.length + 1, descending: true },
      most: 15,
      search: rows.length > 12 ? ({ name }) => name : undefined,
      searchTitle: "Find a class",
    }),
  );
}
