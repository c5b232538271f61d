/** A sign of life while steps are timed, which of large images takes minutes on a slow machine. */
import { timedSteps } from "./run-forecast.js";

/** Between two signs. */
const signMs = 20_000;

/** What is being timed. */
export type TimedPart = "features" | "steps" | "evaluation";

/**
 * Says every 20 seconds what is being timed, and which step of how many it is.
 * @param at what is being timed, and how many steps are done
 * @returns what ends that
 */
export function tellStillTiming(
  note: (text: string) => void,
  at: () => { readonly part: TimedPart; readonly steps: number },
): () => void {
  const begun = performance.now();
  const timer = setInterval(() => {
    const { part, steps } = at();
    const seconds = Math.round((performance.now() - begun) / 1000);
    note(`Still timing, after ${seconds} s: ${words(part, steps)}`);
  }, signMs);
  timer.unref();
  return () => clearInterval(timer);
}

function words(part: TimedPart, steps: number): string {
  if (part === "features") return "the features of a batch of images";
  if (part === "evaluation") return "the steps are done, the evaluation is timed";
  // The one that is not counted, and those that are.
  const first = steps === 0 ? ", which takes the longest" : "";
  return `step ${steps + 1} of ${timedSteps + 1}${first}`;
}
