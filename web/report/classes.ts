/** How each class fares. */
import type { ReportJudgement } from "../../src/report/report-data.js";
import { count, percent } from "../words.js";
import { bar, make, part } from "./make.js";
import { sortableTable } from "./sortable-table.js";

interface Row {
  readonly name: string;
  readonly images: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  readonly taken: { readonly name: string; readonly images: number } | undefined;
}

const rowsAtFirst = 25;
const searchedFrom = 12;

/** A table of the classes, the worst first. */
export function classTable(judgement: ReportJudgement): HTMLElement {
  const { macro } = judgement;
  const rows = rowsOf(judgement);
  const shares = `precision ${percent(macro.precision)}, recall ${percent(macro.recall)}, F1 ${percent(macro.f1)}`;
  return part(
    "classes",
    "Classes",
    `Means over the classes: ${shares}. A column's title sorts by it.`,
    sortableTable<Row>({
      caption: "How each class fares",
      columns: [
        { title: "Class", key: ({ name }) => name },
        { title: "Images", key: ({ images }) => images, show: ({ images }) => count(images) },
        shareColumn(
          "Precision",
          "Of the images taken for it, those that are of it",
          (row) => row.precision,
        ),
        shareColumn("Recall", "Of its images, those that are taken for it", (row) => row.recall),
        shareColumn("F1", "The harmonic mean of precision and recall", (row) => row.f1),
        {
          title: "Most often taken for",
          key: ({ taken }) => taken?.images,
          show: ({ taken }) => (taken ? `${taken.name} (${count(taken.images)})` : "–"),
          numeric: false,
        },
      ],
      rows,
      sorted: { column: 4 },
      most: rowsAtFirst,
      search: rows.length > searchedFrom ? ({ name }) => name : undefined,
      searchTitle: "Find a class",
    }),
  );
}

function shareColumn(title: string, hint: string, of: (row: Row) => number | null) {
  const show = (row: Row) => {
    const value = of(row);
    return value === null ? "–" : make("span", { class: "share" }, bar(value), percent(value));
  };
  return { title, hint, key: of, show, numeric: true };
}

function rowsOf({ perClass, classNames, confusion }: ReportJudgement): Row[] {
  const taken = new Map<number, { name: string; images: number }>();
  for (const [truth, predicted, images] of confusion) {
    if (truth === predicted || images <= (taken.get(truth)?.images ?? 0)) continue;
    taken.set(truth, { name: classNames[predicted] ?? "", images });
  }
  return perClass.map(({ count: images, precision, recall, f1 }, i) => {
    return { name: classNames[i] ?? "", images, precision, recall, f1, taken: taken.get(i) };
  });
}
