/** Orders in which a matrix may have its classes. */
import type { ReportJudgement } from "../../src/report/report-data.js";

interface ClassOrder {
  readonly title: string;
  /** Numbers of the classes in this order. */
  readonly of: (judgement: ReportJudgement) => number[];
}

export const classOrders = {
  dataset: { title: "as in the dataset", of: numbers },
  name: {
    title: "by name",
    of: (judgement) => {
      const { classNames } = judgement;
      return numbers(judgement).sort((a, b) => {
        return classNames[a]!.localeCompare(classNames[b]!, "en", { numeric: true });
      });
    },
  },
  mistakes: { title: "most mistakes first", of: byMistakes },
  recall: {
    title: "lowest recall first",
    of: (judgement) => {
      const recall = (label: number) => judgement.perClass[label]!.recall ?? 2;
      return numbers(judgement).sort((a, b) => recall(a) - recall(b) || a - b);
    },
  },
  neighbours: { title: "confused ones side by side", of: byConfusion },
} as const satisfies Record<string, ClassOrder>;

/** The name of an order. */
export type OrderName = keyof typeof classOrders;

function numbers({ classNames }: ReportJudgement): number[] {
  return [...classNames.keys()];
}

/** Mistakes with a class: its images taken for others, and others' taken for it. */
function mistakesOf({ classNames, confusion }: ReportJudgement): number[] {
  const found = classNames.map(() => 0);
  for (const [truth, predicted, count] of confusion) {
    if (truth === predicted) continue;
    found[truth]! += count;
    found[predicted]! += count;
  }
  return found;
}

function byMistakes(judgement: ReportJudgement): number[] {
  const mistakes = mistakesOf(judgement);
  return numbers(judgement).sort((a, b) => mistakes[b]! - mistakes[a]! || a - b);
}

/** Each class is followed by the one of the rest with which it is confused most. */
function byConfusion(judgement: ReportJudgement): number[] {
  const confused = new Map<number, Map<number, number>>();
  const note = (one: number, other: number, count: number) => {
    const row = confused.get(one) ?? new Map<number, number>();
    row.set(other, (row.get(other) ?? 0) + count);
    confused.set(one, row);
  };
  for (const [truth, predicted, count] of judgement.confusion) {
    if (truth === predicted) continue;
    note(truth, predicted, count);
    note(predicted, truth, count);
  }
  const left = new Set(byMistakes(judgement));
  const order: number[] = [];
  let next = left.values().next().value;
  while (next !== undefined) {
    order.push(next);
    left.delete(next);
    const near = [...(confused.get(next) ?? [])].filter(([label]) => left.has(label));
    near.sort(([a, m], [b, n]) => n - m || a - b);
    next = near[0]?.[0] ?? left.values().next().value;
  }
  return order;
}
