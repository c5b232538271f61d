/** How far top-1 can be trusted, given how many images there were. */
import { shareInterval } from "../bootstrap.js";
import { type Evaluator, percentText } from "../evaluator.js";

export const evaluator: Evaluator = {
  name: "accuracy",
  begin({ count }) {
    let hits = 0;
    return {
      add({ label, top }) {
        if (top[0] === label) hits++;
      },
      finish() {
        const interval = shareInterval(hits, count);
        const { low, high, method } = interval;
        const exact = `exact 95 % interval, as all are ${hits > 0 ? "right" : "wrong"}`;
        const kind = method === "bootstrap" ? "95 % bootstrap interval" : exact;
        const line = `top1 within ${percentText(low)} and ${percentText(high)} (${kind})`;
        return { values: { hits, count, interval: { ...interval } }, lines: [line] };
      },
    };
  },
};
