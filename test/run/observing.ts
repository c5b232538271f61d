/** A run's events, told as tests ask for them. */

import { describeValidation } from "../../src/record/run-log.js";
import type { RunObserver, StepEvent } from "../../src/run/run-events.js";

interface Told {
  /** What the command line shows as lines. */
  readonly line?: (line: string) => void;
  readonly step?: (event: StepEvent) => void;
  readonly evaluating?: ((done: number, total: number) => void) | undefined;
}

export function observing({ line, step, evaluating }: Told): Required<Pick<RunObserver, "event">> {
  return {
    event: (event) => {
      if (event.type === "note") line?.(event.text);
      else if (event.type === "validation") line?.(describeValidation(event.at, event));
      else if (event.type === "step") step?.(event);
      else if (event.type === "evaluating") evaluating?.(event.done, event.total);
    },
  };
}
