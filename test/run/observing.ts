/** A run's events, told as tests ask for them. */

import type { RunEvent, StepEvent } from "../../src/record/run-events.js";
import { describeValidation } from "../../src/record/run-lines.js";

interface Told {
  /** What the command line shows as lines. */
  readonly line?: (line: string) => void;
  readonly step?: (event: StepEvent) => void;
  readonly evaluating?: ((done: number, total: number) => void) | undefined;
}

export function observing({ line, step, evaluating }: Told): {
  readonly event: (event: RunEvent) => void;
} {
  return {
    event: (event) => {
      if (event.type === "note") line?.(event.text);
      else if (event.type === "validation") line?.(describeValidation(event.at, event));
      else if (event.type === "step") step?.(event);
      else if (event.type === "evaluating") evaluating?.(event.done, event.total);
    },
  };
}

/** An observer that interrupts the run once so many steps are done, those of earlier commands among them. */
export function stoppingAfter(
  steps: number,
  told: Told = {},
): ReturnType<typeof observing> & { readonly interrupted: () => boolean } {
  let done = 0;
  return {
    ...observing({
      ...told,
      step: (event) => {
        done = event.step + 1;
        told.step?.(event);
      },
    }),
    interrupted: () => done >= steps,
  };
}
