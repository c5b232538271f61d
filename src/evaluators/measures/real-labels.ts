/**
 * Top-1 by labels of which several may be right: ImageNet-ReaL. Images of which nobody could say anything
 * are left out. Source: Beyer et al., "Are we done with ImageNet?", arXiv 2006.07159.
 */
import { shareInterval } from "../bootstrap.js";
import { type Evaluator, percentText } from "../evaluator.js";

export const evaluator: Evaluator = {
  name: "real_labels",
  begin({ realLabels, count: all }) {
    if (realLabels === undefined) return undefined;
    let hits = 0;
    let count = 0;
    return {
      add({ index, top }) {
        const right = realLabels[index]!;
        if (right.length === 0) return;
        count++;
        if (right.includes(top[0]!)) hits++;
      },
      finish() {
        const left = all - count;
        if (count === 0)
          return {
            values: { top1: null, hits, count, left_out: left, interval: null },
            lines: ["real labels: none of the images has one"],
          };
        const interval = shareInterval(hits, count);
        const top1 = hits / count;
        const within = `${percentText(interval.low)} and ${percentText(interval.high)}`;
        return {
          values: { top1, hits, count, left_out: left, interval: { ...interval } },
          lines: [
            `by real labels top1 ${percentText(top1)}, within ${within}, of ${count} images; ` +
              `${left} without a real label are left out`,
          ],
        };
      },
    };
  },
};
