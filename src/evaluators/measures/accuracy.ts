/** How far top-1 can be trusted, given how many images there were. */
import { bootstrapInterval } from "../bootstrap.js";
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
        const interval = bootstrapInterval(hits, count);
        const { low, high } = interval;
        const line = `top1 within ${percentText(low)} and ${percentText(high)} (95 % bootstrap interval)`;
        return { values: { hits, count, interval: { ...interval } }, lines: [line] };
      },
    };
  },
};
