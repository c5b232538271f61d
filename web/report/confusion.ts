/** Which classes are taken for which: a matrix whose order can be chosen, and the same as a list. */
import type { ReportJudgement } from "../../src/report/report-data.js";
import { count, percent } from "../words.js";
import { classOrders, type OrderName } from "./class-orders.js";
import { make, part } from "./make.js";
import { MatrixDrawing } from "./matrix-drawing.js";
import { sortableTable } from "./sortable-table.js";

/** Classes that a matrix shows at once. */
const mostClasses = 120;

/** The matrix, and a table of the mistakes. */
export function confusionMatrix(judgement: ReportJudgement): HTMLElement {
  const { classNames } = judgement;
  const total = classNames.length;
  const start: OrderName = total > mostClasses ? "mistakes" : "dataset";
  const choice = make("select", { id: "matrix-order" });
  for (const [name, { title }] of Object.entries(classOrders))
    choice.append(make("option", { value: name, selected: name === start }, title));
  const told = make("p", { class: "told", role: "status", "aria-live": "polite" });
  const canvas = make("canvas", { tabindex: 0, role: "img" });
  const drawing = new MatrixDrawing(canvas, judgement, (cell) => {
    told.textContent = cell === undefined ? hint : wordsOf(judgement, cell);
  });
  const order = () => {
    const name = choice.value as OrderName;
    drawing.show(classOrders[name].of(judgement).slice(0, mostClasses));
    canvas.setAttribute("aria-label", `Confusion matrix, ${classOrders[name].title}`);
  };
  const hint = "Point at a cell, or move by the arrow keys.";
  told.textContent = hint;
  choice.addEventListener("change", order);
  order();
  const part_ =
    total > mostClasses
      ? ` The first ${mostClasses} of ${count(total)} classes in the chosen order are shown.`
      : "";
  return part(
    "confusion",
    "Confusion matrix",
    `Each row is a class, each column what its images were taken for.${part_}`,
    make(
      "div",
      { class: "sheet matrix" },
      make("label", {}, "Order of the classes ", choice),
      make("div", { class: "scrolled" }, canvas),
      told,
    ),
    mistakesTable(judgement),
  );
}

function wordsOf(
  { classNames, perClass, confusion }: ReportJudgement,
  [truth, predicted]: readonly [number, number],
): string {
  const found = confusion.find(([one, other]) => one === truth && other === predicted)?.[2] ?? 0;
  const { count: images } = perClass[truth]!;
  const share = images === 0 ? "" : ` (${percent(found / images)})`;
  const of = `${count(found)} of ${count(images)}${share}`;
  return truth === predicted
    ? `${classNames[truth]} judged right: ${of}`
    : `${classNames[truth]} taken for ${classNames[predicted]}: ${of}`;
}

const rowsAtFirst = 10;

function mistakesTable({
  confusion,
  classNames,
  perClass,
}: ReportJudgement): HTMLElement | undefined {
  const rows = confusion
    .filter(([truth, predicted]) => truth !== predicted)
    .map(([truth, predicted, images]) => ({
      truth: classNames[truth] ?? "",
      predicted: classNames[predicted] ?? "",
      images,
      share: images / perClass[truth]!.count,
    }));
  if (rows.length === 0) return undefined;
  return sortableTable({
    caption: "Mistakes by how often they are made",
    columns: [
      { title: "Class", key: ({ truth }) => truth },
      { title: "Taken for", key: ({ predicted }) => predicted },
      { title: "Images", key: ({ images }) => images, show: ({ images }) => count(images) },
      { title: "Of its images", key: ({ share }) => share, show: ({ share }) => percent(share) },
    ],
    rows,
    sorted: { column: 2, descending: true },
    most: rowsAtFirst,
  });
}
